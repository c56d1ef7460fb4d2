// NOTIFY, on a connection of its own: within an append it would be one more wait under the log's lock.
import type { Pool } from './pool.ts'

/** The least time between two announcements, in ms. What comes in between goes with the next one. */
const ANNOUNCE_EVERY_MS = 5

export type Announcer = {
  /** Notifies how far the log has come, soon, and only the furthest of what came in between. What fails is not sent again. */
  readonly announce: (head: number) => void
  /** Notifies a payload of another kind at once. */
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
      // Those who watch notice without it: that is no failure of the append.
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
