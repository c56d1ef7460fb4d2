import { describe, expect } from 'bun:test'
import { type Runtime, runtime } from '../../runtime.ts'
import { counter } from './domain.ts'
import { follow, readLog } from './follow.ts'
import { form, race } from './form.ts'
import { type Attempt, violations } from './history.ts'
import { untilFree } from './lock.ts'
import { proxied } from './proxied.ts'
import { raceLog } from './race-log.ts'
import { type Sender, sender } from './sender.ts'

const STATEMENT_MS = 600
const COMMAND_MS = 800
/** A command that is on its way at its deadline is told what the statement said that was under way then, or that it said nothing. */
const ENDS_MS = COMMAND_MS + STATEMENT_MS + 500
const HEALS_MS = 5_000
const CALLERS = 8

describe('a network that swallows everything without closing a connection', () => {
  for (const direction of ['toServer', 'toClient', undefined] as const) {
    race(
      `leaves no call without an answer, and is got over without a restart (${direction ?? 'both ways'})`,
      120_000,
      async random => {
        await using log = await raceLog()
        using proxy = proxied(log)
        const store = await log.store({ through: proxy.url(log.url), deadlineMs: STATEMENT_MS, lockTimeoutMs: STATEMENT_MS / 2 })
        const emaki = await runtime({ serve: [counter], store })
        const attempts: Attempt[] = []
        const send = sender(emaki, 'the client', attempt => attempts.push(attempt))
        const reader = follow(await log.store(), 'the reader', 10)
        reader.run()
        for (let round = 0; round < form(1, 30); round++) {
          await healthy(send, `${round}.before`)
          const commands = wave(send, `${round}.caught`)
          if (random.chance(0.5)) await new Promise(setImmediate)
          proxy.swallow(true, direction)
          const appended = timed(emaki.append([{ stream: `counter-append${round}`, expect: 0, events: [] }]))
          const late = await Promise.all([...commands, ...wave(send, `${round}.late`), timed(readState(emaki)), appended])
          expect(Math.max(...late)).toBeLessThan(ENDS_MS)
          proxy.swallow(false, direction)
          const from = performance.now()
          await healthy(send, `${round}.after`)
          expect(performance.now() - from).toBeLessThan(HEALS_MS)
        }
        expect(
          new Set(attempts.map(({ outcome }) => outcome)).difference(new Set(['appended', 'unavailable', 'unknown'])).size,
        ).toBe(0)
        expect(attempts.some(({ outcome }) => outcome !== 'appended')).toBeTrue()
        await untilFree(log)
        expect(violations({ attempts, log: await readLog(await log.store()), readings: [await reader.stop()] })).toEqual([])
        await emaki.close()
      },
    )
  }
})

/** Commands of several callers on streams of their own and on one; how long each took. */
function wave(send: Sender, name: string): readonly Promise<number>[] {
  return Array.from({ length: CALLERS }, (_, i) =>
    timed(send(counter.add(i % 2 ? 'one' : `own-${i}`, { token: `${name}.${i}` }), { deadlineMs: COMMAND_MS })),
  )
}

/** Says a command, each time a new one, until one is accepted. */
async function healthy(send: Sender, name: string): Promise<void> {
  for (let i = 0; ; i++) {
    const { outcome } = await send(counter.add('health', { token: `${name}.${i}` }), { deadlineMs: COMMAND_MS })
    if (outcome === 'accepted') return
    if (i === HEALTH_MAX) throw new Error(`the service is still ${outcome}`)
  }
}
const HEALTH_MAX = 20

async function timed(call: Promise<unknown>): Promise<number> {
  const from = performance.now()
  await call
  return performance.now() - from
}

/** A read answers or throws; it is the time that counts. */
async function readState(emaki: Runtime): Promise<void> {
  await emaki.state('counter', 'one').catch(() => {})
}
