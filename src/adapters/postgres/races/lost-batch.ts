import { runtime } from '../../../runtime.ts'
import type { Store } from '../../../ports/store/store.ts'
import { seat } from './domain.ts'
import { readLog } from './follow.ts'
import { type Attempt, violations } from './history.ts'
import { raceLog } from './race-log.ts'
import { recorder } from './recorder.ts'
import { sender } from './sender.ts'

/**
 * Two commands that share a chain: the first takes a seat, the second is rejected for it. Before the chain is appended another process
 * takes the seat, so that what the second was rejected for never happens. Says which promises were broken.
 */
export async function lostBatch(): Promise<readonly string[]> {
  await using log = await raceLog()
  const attempts: Attempt[] = []
  const other = recorder(await log.store(), 'another', attempt => attempts.push(attempt))
  const store = await log.store()
  let first = true
  const overtaken: Store = new Proxy(store, {
    get: (target, name: keyof Store) => {
      if (name !== 'append') return typeof target[name] === 'function' ? target[name].bind(target) : target[name]
      return async (units: Parameters<Store['append']>[0]) => {
        if (first && units[0]?.slices[0]?.events.length) {
          first = false
          await other([{ slices: [{ stream: 'seat-s', expect: 'any', events: [buildTaken('overtaker')] }], keys: [] }])
        }
        return target.append(units)
      }
    },
  })
  const emaki = await runtime({ serve: [seat], store: overtaken })
  const send = sender(emaki, 'the client', attempt => attempts.push(attempt))
  await Promise.all([send(seat.take('s', { token: 'first' })), send(seat.take('s', { token: 'second' }))])
  const found = violations({ attempts, log: await readLog(store), readings: [] })
  await emaki.close()
  return found
}

function buildTaken(token: string) {
  return { id: Bun.randomUUIDv7(), type: 'Taken', schema: 'other', data: JSON.stringify({ token }), meta: '{}' }
}
