// Tries which settings a session may begin with: a pooler takes none, in whatever mode it is.
import { Pool } from './pool.ts'
import { NOT_TAKEN, SESSIONS, type SessionSettings } from './session.ts'

/** Gives the settings that the server takes. None: there is a pooler in between. Throws a StoreError. */
export async function takenSession(url: string, timeoutMs: number): Promise<SessionSettings> {
  for (const session of SESSIONS) {
    const pool = new Pool(url, { max: 1, prepare: false, session, deadlineMs: timeoutMs, connectTimeoutMs: timeoutMs })
    try {
      await pool.run(sql => sql`select`)
      return session
    } catch (error) {
      if (!NOT_TAKEN.has(((error as Error).cause as { code?: unknown } | undefined)?.code)) throw error
    } finally {
      await pool.close()
    }
  }
  return {}
}
