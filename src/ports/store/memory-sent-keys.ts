// The keys of what processors have sent, in memory.
import type { ReadModel } from '../read-model/read-model.ts'
import { endOfSentKeys, senderOfKey, type SentProgress } from './sent-keys.ts'
import type { StoredKey } from './unit.ts'

/** `until`: infinity where the key has no end. */
type MemoryKey = { readonly stored: StoredKey; readonly until: number }

/** Gives an end to keys of processors whose events cannot come again. */
export async function endSentKeys(keys: Map<string, MemoryKey>, readModel: ReadModel, now: () => number): Promise<void> {
  const [begun, parked, leases] = await Promise.all([readModel.progress(), readModel.parked(), readModel.leases()])
  const progressOf = (name: string): SentProgress | null => {
    const found = begun.find(one => one.name === name)
    if (!found) return null
    const positions = parked.filter(one => one.name === name).map(one => one.position)
    const lease = leases.find(one => one.name === name)
    return {
      position: found.position,
      savedAt: Date.parse(found.savedAt),
      parked: positions.length ? Math.min(...positions) : null,
      leasedUntil: lease ? now() + lease.leftMs : null,
    }
  }
  for (const [key, { stored, until }] of keys) {
    const name = senderOfKey(key)
    if (name === null || until !== Number.POSITIVE_INFINITY) continue
    const { upTo, keepMs } = endOfSentKeys(progressOf(name), now())
    if (stored.position <= upTo) keys.set(key, { stored, until: now() + keepMs })
  }
}

/** A subscription that is moved back handles events again, so the keys of what it has sent for them lose their end. */
export function keepSentKeys(keys: Map<string, MemoryKey>, sender: string, position: number, now: number): void {
  for (const [key, { stored, until }] of keys)
    if (senderOfKey(key) === sender && stored.rejection === null && stored.position > position && until > now)
      keys.set(key, { stored, until: Number.POSITIVE_INFINITY })
}
