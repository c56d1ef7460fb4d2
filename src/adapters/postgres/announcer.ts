// NOTIFY on a connection of its own. Within an append it would be one more wait under the log's lock.
import type { Pool } from './pool.ts'

/** The shortest time between two announcements, in ms. Later heads wait for the next one. */
const ANNOUNCE_EVERY_MS = 5

export type Announcer = {
  /**
   * Announces the head of the log, soon. Of several heads it sends only the highest. A failed announcement is not
   * repeated.
   */
  readonly announce: (head: number) => void
  /** Sends another payload at once. */
  readonly notify: (payload: string) => Promise<void>
  readonly close: () => Promise<void>
}

export function announcer(pool: Pool, channel: string): Announcer {
  let announced = 0
  let head = 0
  let announcing: Promise<void> | null = null
  const notify = (payload: string) => pool.run(async sql => void (await sql`select pg_notify(${channel}, ${payload})`))
  const announceAll = async () => {
    while (head > announced) {
      announced = head
      // Watchers also notice new events without it. So a failure is not a failure of the append.
      await notify(String(head)).catch(() => {})
      await Bun.sleep(ANNOUNCE_EVERY_MS)
    }
    announcing = null
  }
  return {
    announce: to => {
      head = Math.max(head, to)
      announcing ??= announceAll()
    },
    notify,
    close: async () => {
      await announcing
      await pool.close()
    },
  }
}
