// The keys of what processors have sent.
import { endOfSentKeys, type SentProgress } from '../../ports/store/sent-keys.ts'
import type { Statements } from './statements.ts'

/** The keys that one transaction changes, at most. */
export const END_KEYS_MAX = 1_000

const SENDER = "substr(key, 8, instr(substr(key, 8), ':') - 1)"
const IS_SENT = "until is null and substr(key, 1, 7) = 'agenda:'"

/** Gives an end to keys of processors whose events cannot come again, END_KEYS_MAX at most. Gives their number. */
export function endSentKeys(texts: Statements, now: number): number {
  let many = 0
  for (let name = nextSender(texts, ''); name !== null && many < END_KEYS_MAX; name = nextSender(texts, name))
    many += endKeysOf(texts, name, now, END_KEYS_MAX - many)
  return many
}

function nextSender(texts: Statements, after: string): string | null {
  const next = `select min(${SENDER}) as name from keys where ${IS_SENT} and ${SENDER} > ?`
  return texts.get<{ name: string | null }>(next).get(after)!.name
}

function endKeysOf(texts: Statements, name: string, now: number, most: number): number {
  const progress = texts
    .get<SentProgress>(
      `select c.position, c.saved_at as savedAt, l.until as leasedUntil,
        (select min(p.position) from parked p where p.name = c.name) as parked
      from checkpoints c left join leases l on l.name = c.name where c.name = ?`,
    )
    .get(name)
  const { upTo, keepMs } = endOfSentKeys(progress, now)
  const passed = `select key from keys where ${IS_SENT} and ${SENDER} = ? and position <= ? order by position limit ?`
  return texts.get(`update keys set until = ? where key in (${passed})`).run(now + keepMs, name, upTo, most).changes
}

/** A subscription that is moved back handles events again, so the keys of what it has sent for them lose their end. */
export function keepSentKeys(texts: Statements, sender: string, position: number, now: number): void {
  texts
    .get('update keys set until = null where key >= ? and key < ? and until > ? and rejection is null and position > ?')
    .run(`agenda:${sender}:`, `agenda:${sender};`, now, position)
}
