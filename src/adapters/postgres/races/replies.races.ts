import { describe, expect } from 'bun:test'
import { runtime } from '../../../runtime.ts'
import { Counter, counter, seat } from './domain.ts'
import { follow, readLog } from './follow.ts'
import { form, race } from './form.ts'
import { type Attempt, violations } from './history.ts'
import { startRaceProxy, replyLoss } from './race-proxy.ts'
import { type RaceLog, raceLog } from './race-log.ts'
import { recorder, tokenEvent } from './recorder.ts'
import { sender } from './sender.ts'
import type { PostgresOptions } from '../store.ts'

const STREAMS = 5
/** Beyond all that it takes to find out, on whatever machine. */
const COMMAND_MS = 60_000

describe('a lost reply after COMMIT', () => {
  for (const how of ['cut', 'drop'] as const) {
    race(`a lost reply after COMMIT is resolved: the command is accepted, and has one effect (${how})`, async random => {
      await using log = await raceLog()
      using proxy = startRaceProxy(log)
      const loss = replyLoss(proxy)
      const { emaki, attempts, reader } = await startRuntime(log, proxy.url(log.url), how === 'drop' ? DROPPED : {})
      const send = sender(emaki, 'the client', attempt => attempts.push(attempt))
      const other = recorder(await log.store(), 'another', attempt => attempts.push(attempt))
      const rounds = how === 'cut' ? form(60, 1_000) : form(6, 60)
      for (let round = 0; round < rounds; round++) {
        // Somebody else may append to one of the streams before it can be said again.
        const meanwhile = random.chance(0.3) ? other([foreignUnit(`counter-${random.below(STREAMS)}`, `foreign.${round}`)]) : null
        loss.next(how)
        const commands = Array.from({ length: STREAMS }, (_, i) => `${round}.${i}`)
        const outcomes = await Promise.all(
          commands.map((token, i) =>
            send(counter.add(String(i), { token }), { deadlineMs: COMMAND_MS, ...(random.chance(0.5) && { key: token }) }),
          ),
        )
        expect(outcomes.map(({ outcome }) => outcome)).toEqual(commands.map(() => 'accepted'))
        await meanwhile
      }
      expect(loss.lost()).toBe(rounds)
      expect(violations({ attempts, log: await readLog(await log.store()), readings: [await reader.stop()] })).toEqual([])
      await emaki.close()
    })
  }

  race('a lost reply after COMMIT is resolved for two streams, and stays unknown for any version', async () => {
    await using log = await raceLog()
    using proxy = startRaceProxy(log)
    const loss = replyLoss(proxy)
    const { emaki } = await startRuntime(log, proxy.url(log.url))
    for (let round = 0; round < form(20, 500); round++) {
      loss.next('cut')
      const slices = ['a', 'b'].map(name => ({
        stream: `counter-${name}${round}`,
        expect: 0,
        events: [Counter.Added({ token: `${name}${round}`, to: 1 })],
      }))
      expect(await emaki.append(slices, { deadlineMs: COMMAND_MS })).toMatchObject({
        outcome: 'appended',
        slices: [{ version: 1 }, { version: 1 }],
      })
      loss.next('cut')
      const any = {
        stream: `counter-any${round}`,
        expect: 'any' as const,
        events: [Counter.Added({ token: `any${round}`, to: 1 })],
      }
      expect(await emaki.append([any], { deadlineMs: COMMAND_MS })).toMatchObject({ outcome: 'unknown' })
    }
    const found = await readLog(await log.store())
    expect(found.length).toBe(3 * form(20, 500))
    expect(found.every(({ version }) => version === 1)).toBeTrue()
    await emaki.close()
  })
})

/** Only the deadline tells that a reply will not come. */
const DROPPED = { deadlineMs: 700, lockTimeoutMs: 350 }

async function startRuntime(log: RaceLog, through: string, deadlines: PostgresOptions = {}) {
  const store = await log.store({ through, ...deadlines })
  const attempts: Attempt[] = []
  const reader = follow(await log.store(), 'the reader', 10)
  reader.run()
  return { emaki: await runtime({ serve: [counter, seat], store }), attempts, reader }
}

function foreignUnit(stream: string, token: string) {
  const { id, meta } = tokenEvent(token)
  const event = { id, type: 'Added', schema: 'foreign', data: JSON.stringify({ token, to: 0 }), meta }
  return { slices: [{ stream, expect: 'any' as const, events: [event] }], keys: [] }
}
