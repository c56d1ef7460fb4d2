// NOTIFY, on a connection of its own: within an append it would be one more wait under the log's lock.
import type { Pool } from './pool.ts'

/** The least time between two announcements, in ms. What comes in between goes with the next one. */
const ANNOUNCE_EVERY_MS = 5

export type Announcer = {
  /** Says how far the log has come, soon, and only the furthest of what came in between. What fails is not said again. */
  readonly announce: (head: number) => void
  /** Says a word of another kind, for whoever waits to hear it back. */
  readonly say: (word: string) => Promise<void>
  readonly close: () => Promise<void>
}

export function announcer(pool: Pool, channel: string): Announcer {
  let said = 0
  let head = 0
  let saying: Promise<void> | null = null
  const say = (text: string) => pool.run(async sql => void (await sql`select pg_notify(${channel}, ${text})`))
  const sayAll = async () => {
    while (head > said) {
      said = head
      // Who watches notices without it: that is no failure of the append.
      await say(String(head)).catch(() => {})
      await Bun.sleep(ANNOUNCE_EVERY_MS)
    }
    saying = null
  }
  return {
    announce: to => {
      head = Math.max(head, to)
      saying ??= sayAll()
    },
    say,
    close: async () => {
      await saying
      await pool.close()
    },
  }
}
