// processes resume, over a saga that cannot undo a step.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { saga } from '../definitions/process/saga.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { Notice } from '../ports/report/notice.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { until } from '../test-support/servers/until.ts'
import { processesVerb } from './processes.ts'

const none = z.object({})
const Deal = events('deal', { Begun: none, Freed: none })
let isJammed = true
const deal = decider(Deal, {
  initial: {},
  evolve: { Begun: s => s, Freed: s => s },
  commands: { begin: none, hold: none, free: none, close: none },
  decide: {
    begin: () => Deal.Begun({}),
    hold: () => [],
    free: () => (isJammed ? reject('jammed') : Deal.Freed({})),
    close: () => reject('closed'),
  },
})
const selling = saga('selling', {
  from: Deal,
  to: deal,
  begins: { Begun: () => ({}) },
  steps: [
    { run: (_, key) => deal.hold(key, {}), undo: (_, key) => deal.free(key, {}) },
    { run: (_, key) => deal.close(key, {}) },
  ],
})
const serve = [deal, selling]

/** Runs a saga until it is stuck. */
async function withStuckSaga(check: (store: Store, emaki: Runtime, notices: readonly Notice[]) => Promise<void>): Promise<void> {
  isJammed = true
  let skippedMs = 0
  const store = memory({ now: () => Date.now() + skippedMs })
  const notices: Notice[] = []
  const report = (problem: unknown) => void (problem instanceof Notice && notices.push(problem))
  const emaki = await runtime({ serve, store, report })
  try {
    await emaki.send(deal.begin('d1', {}))
    await until('it is stuck', () => {
      skippedMs += 60_000
      emaki.pollAgenda()
      return notices.length > 0
    })
    await check(store, emaki, notices)
  } finally {
    await emaki.close()
  }
}

const resume = (store: Store, key: string, values: object = {}) =>
  runVerb(processesVerb, { store, serve, words: ['resume', 'selling', key], values: { ...values } })
const stateOf = async (store: Store) =>
  JSON.parse((await runVerb(processesVerb, { store, serve, words: ['selling', 'd1'], json: true })).out) as {
    state: { status: string }
  }

describe('processes resume', () => {
  test('a stuck saga is reported once, with the verb that mends it, and shown as stuck', async () => {
    await withStuckSaga(async (store, _, notices) => {
      expect(notices.map(({ code, message }) => [code, message])).toEqual([
        [
          'instance-stuck',
          'selling d1 is stuck: step 1 cannot be undone: jammed. `emaki processes resume selling d1` tries again; --skip takes it as done, --close ends the instance.',
        ],
      ])
      const { out } = await runVerb(processesVerb, { store, serve, words: ['selling', 'd1'] })
      expect(out).toContain('stuck: step 1 cannot be undone: jammed; run `emaki processes resume selling d1`')
    })
  })

  test('processes resume has a stuck saga go on, and the log has who resumed it', async () => {
    await withStuckSaga(async store => {
      isJammed = false
      expect(await resume(store, 'd1')).toMatchObject({ code: 0, err: '' })
      await until('it is undone', async () => (await stateOf(store)).state.status === 'undone')
      const own = await store.read('selling-d1', { after: 0, limit: 100 })
      const resumed = own.find(({ type }) => type === 'Resumed')!
      expect(JSON.parse(resumed.meta)).toMatchObject({ actor: process.env['USER'] ?? 'command line' })
      const last = (await store.read('deal-d1', { after: 0, limit: 9 })).at(-1)
      expect(last?.type).toBe('Freed')
      expect(await resume(store, 'd1')).toMatchObject({
        code: 66,
        err: 'selling d1 is not stuck: only --close would change it\n',
      })
    })
  })

  test('processes resume --skip takes the stuck step as undone, and --close ends the instance', async () => {
    await withStuckSaga(async store => {
      expect((await resume(store, 'd1', { skip: true })).code).toBe(0)
      await until('it is undone', async () => (await stateOf(store)).state.status === 'undone')
      expect((await resume(store, 'd1', { close: true })).code).toBe(0)
      await until('it has ended', async () => (await resume(store, 'd1', { close: true })).code === 66)
      expect((await store.read('deal-d1', { after: 0, limit: 9 })).map(({ type }) => type)).toEqual(['Begun'])
    })
  })

  test('processes resume refuses an instance that there is not, and two ways at once', async () => {
    const store = memory()
    expect(await resume(store, 'd9')).toMatchObject({ code: 66, err: 'selling has no instance d9, or it has ended\n' })
    await expect(resume(store, 'd9', { skip: true, close: true })).rejects.toThrow('choose one of --skip and --close')
  })
})
