import { describe, expect } from 'bun:test'
import { type Runtime, runtime } from '../../../runtime.ts'
import type { Direction, FaultProxy } from '../../../test-support/servers/proxy.ts'
import { counter } from './domain.ts'
import { follow, readLog } from './follow.ts'
import { form, race } from './form.ts'
import { type Attempt, violations } from './history.ts'
import { untilFree } from './lock.ts'
import { eventually } from './patience.ts'
import { startRaceProxy } from './race-proxy.ts'
import { type RaceLog, raceLog } from './race-log.ts'
import { type Sender, sender } from './sender.ts'

const STATEMENT_MS = 600
const COMMAND_MS = 800
/** How long a call without a deadline is waited for, which would not end while nothing passes. */
const HANGS_MS = 2 * (STATEMENT_MS + COMMAND_MS)
const NO_DEADLINE_MS = 3_600_000
const CALLERS = 8

describe('a black hole, a network that swallows everything without closing a connection,', () => {
  for (const direction of ['toServer', 'toClient', undefined] as const) {
    race(`a black hole leaves no call without an answer, and needs no restart (${direction ?? 'both ways'})`, async random => {
      await using log = await raceLog()
      using proxy = startRaceProxy(log)
      const { emaki, send, attempts } = await client(log, proxy, STATEMENT_MS)
      const reader = follow(await log.store(), 'the reader', 10)
      reader.run()
      for (let round = 0; round < form(2, 30); round++) {
        await healthy(send, `${round}.before`)
        const calls = swallowTraffic({ emaki, send }, proxy, `${round}`, direction, random.chance(0.5))
        await endOfAll(calls)
        proxy.swallow(false, direction)
        await healthy(send, `${round}.after`)
      }
      expect(
        new Set(attempts.map(({ outcome }) => outcome)).difference(new Set(['appended', 'unavailable', 'unknown'])).size,
      ).toBe(0)
      expect(attempts.some(({ outcome }) => outcome !== 'appended')).toBeTrue()
      await untilFree(log)
      expect(violations({ attempts, log: await readLog(await log.store()), readings: [await reader.stop()] })).toEqual([])
      await emaki.close()
    })
  }

  race('a black hole shows the planted bug: statements without a deadline', async () => {
    await using log = await raceLog()
    using proxy = startRaceProxy(log)
    const { emaki, send } = await client(log, proxy, NO_DEADLINE_MS)
    await healthy(send, 'before')
    const calls = Promise.all(await swallowTraffic({ emaki, send }, proxy, 'caught', undefined, false))
    expect(await Promise.race([calls, Bun.sleep(HANGS_MS).then(() => 'hangs')])).toBe('hangs')
    // It was the network that they waited for, and nothing else.
    proxy.swallow(false)
    await calls
    await emaki.close()
  })
})

type Client = { readonly emaki: Runtime; readonly send: Sender; readonly attempts: readonly Attempt[] }

async function client(log: RaceLog, proxy: FaultProxy, deadlineMs: number): Promise<Client> {
  const store = await log.store({ through: proxy.url(log.url), deadlineMs, lockTimeoutMs: STATEMENT_MS / 2 })
  const emaki = await runtime({ serve: [counter], store })
  const attempts: Attempt[] = []
  return { emaki, send: sender(emaki, 'the client', attempt => attempts.push(attempt)), attempts }
}

/** Calls that are caught by it, on their way or not yet, and such as come while it lasts. */
async function swallowTraffic(
  { emaki, send }: Pick<Client, 'emaki' | 'send'>,
  proxy: FaultProxy,
  name: string,
  direction: Direction | undefined,
  isUnderWay: boolean,
): Promise<readonly Promise<unknown>[]> {
  const caught = wave(send, `${name}.caught`)
  if (isUnderWay) await new Promise(setImmediate)
  proxy.swallow(true, direction)
  const appended = emaki.append([{ stream: `counter-append${name}`, expect: 0, events: [] }])
  return [...caught, ...wave(send, `${name}.late`), readState(emaki), appended]
}

/** Commands of several callers on streams of their own and on one. */
function wave(send: Sender, name: string): readonly Promise<unknown>[] {
  return Array.from({ length: CALLERS }, (_, i) =>
    send(counter.add(i % 2 ? 'one' : `own-${i}`, { token: `${name}.${i}` }), { deadlineMs: COMMAND_MS }),
  )
}

/** Says a command, each time a new one, until one is accepted. */
async function healthy(send: Sender, name: string): Promise<void> {
  let i = 0
  const isAccepted = async () =>
    (await send(counter.add('health', { token: `${name}.${i++}` }), { deadlineMs: COMMAND_MS })).outcome === 'accepted'
  await eventually('the service accepts a command', isAccepted)
}

/** Waits until every call has its answer, while nothing passes. */
async function endOfAll(calls: Promise<readonly Promise<unknown>[]>): Promise<void> {
  let ended = false
  void Promise.all(await calls).finally(() => {
    ended = true
  })
  await eventually('every call has its answer', () => ended)
}

/** A read answers or throws; that it ends is what counts. */
async function readState(emaki: Runtime): Promise<void> {
  await emaki.state('counter', 'one').catch(() => {})
}
