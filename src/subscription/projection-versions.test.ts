// Versions of a projection side by side: what serves meanwhile, when it changes over, the way back, and rebuilds.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { ANY_POSITION } from '../query/stale-read.ts'
import { memoryBus } from '../ports/bus/memory.ts'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { projection } from '../definitions/projection/projection.ts'
import { query } from '../definitions/query.ts'
import { type Services, startServices } from '../runtime.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { until as becomes } from '../test-support/servers/until.ts'
import { audit } from './audit.ts'
import { rebuild } from './rebuild.ts'
import { tail } from './tail.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

const Light = events('light', { Switched: z.object({ on: z.boolean() }) })
const light = decider(Light, {
  initial: {},
  evolve: { Switched: s => s },
  commands: { turn: z.object({ on: z.boolean() }) },
  decide: { turn: (_, data) => Light.Switched(data) },
})
const row = z.object({ on: z.boolean(), times: z.int() })
const first = projection('lights', {
  from: Light,
  row,
  initial: { on: false, times: 0 },
  indexes: ['on'],
  evolve: { Switched: (_, { on }) => ({ on, times: 1 }) },
})
const Counted = {
  from: Light,
  row,
  initial: { on: false, times: 0 },
  evolve: { Switched: ({ times }: { times: number }, { on }: { on: boolean }) => ({ on, times: times + 1 }) },
}
const second = projection('lights', { ...Counted, version: 2, previous: first })
const alone = projection('lights', { ...Counted, version: 2 })
const thawing = projection('lights', { ...Counted, version: 2, previous: first, frozen: true })

const closing: Services[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})
/** A store that `first` has folded two events of; `slow` gives its log from the beginning once it is released. */
async function foldLights() {
  const store = memory()
  const before = await run(store, first)
  for (const on of [true, false]) await before.send(light.turn('l1', { on }))
  await untilProcessed(before, 2)
  await closing.pop()!.close()
  const released = Promise.withResolvers<void>()
  const slow: Store = {
    ...store,
    readAll: async options => {
      if (options.after === 0) await released.promise
      return store.readAll(options)
    },
  }
  return { store, slow, release: () => released.resolve() }
}

async function run(store: Store, of: typeof first | typeof second, more: object = {}): Promise<Services> {
  const emaki = await startServices({ serve: [light, of], store, leaseMs: 50, ...more })
  closing.push(emaki)
  return emaki
}
const readTimes = async (emaki: Services, key = 'l1') => {
  return (await emaki.row(first, key))?.times ?? null
}
const table = ({ subscriptions }: Services) => {
  const name = subscriptions.versionsOf('lights').serving?.table.name
  expect(subscriptions.tables).toBe(name ?? '')
  return name
}

describe('a version of a projection', () => {
  test('a version of a projection serves once it has caught up, and not before', async () => {
    const store = memory()
    const before = await run(store, first)
    await before.send(light.turn('l1', { on: true }))
    const held = Promise.withResolvers<void>()
    const slow = { ...store, readAll: (options: never) => held.promise.then(() => store.readAll(options)) } as Store
    const emaki = await run(slow, alone)
    expect(emaki.subscriptions.isReady).toBeFalse()
    expect(readTimes(emaki)).rejects.toThrow('not-ready')
    held.resolve()
    await becomes('it serves', () => emaki.subscriptions.isReady)
    expect([table(emaki), await readTimes(emaki)]).toEqual(['lights_v2', 1])
  })

  test('a wait until a new version of a projection is processed ends when its rows can be read', async () => {
    const store = memory()
    const before = await run(store, first)
    await before.send(light.turn('l1', { on: true }))
    const emaki = await run(store, alone)
    expect(await emaki.waitUntilProcessed(1, ['lights'])).toBeTrue()
    expect(await readTimes(emaki)).toBe(1)
    const refusing = { ...store, readModel: { ...store.readModel, serve: async () => false } }
    const held = await run(refusing, projection('lights', { ...Counted, version: 3 }))
    expect(await held.waitUntilProcessed(1, ['lights'], 100)).toBeFalse()
  })

  test('a version of a projection that has not caught up leaves serving to the one before it, which is folded on', async () => {
    const { slow, release } = await foldLights()
    const emaki = await run(slow, second)
    expect([emaki.subscriptions.isReady, table(emaki), await readTimes(emaki)]).toEqual([true, 'lights_v1', 1])
    await emaki.send(light.turn('l1', { on: true }))
    await emaki.send(light.turn('l2', { on: true }))
    await becomes('the one before is folded on', async () => (await readTimes(emaki, 'l2')) === 1)
    release()
    await becomes('the new one serves', () => table(emaki) === 'lights_v2')
    expect(await readTimes(emaki)).toBe(3)
  })

  test('frozen rows serve as they were until a version of a projection has caught up, and their answers say so', async () => {
    const { store, slow, release } = await foldLights()
    const ask = query('ask', {
      params: z.object({}),
      cache: { ttl: '1 hour' },
      run: async (_, read) => (await read(thawing).list()).map(({ times }) => times),
    })
    const emaki = await run(slow, thawing, { serve: [light, thawing, ask] })
    const { queryAnswers, rowAnswers } = emaki
    const lights = thawing[spec]
    const later = await emaki.send(light.turn('l2', { on: true }))
    expect([later.outcome, emaki.subscriptions.isReady, table(emaki), await readTimes(emaki)]).toEqual([
      'accepted',
      true,
      'lights_v1',
      1,
    ])
    const frozen = { position: 2, incomplete: { parked: null, frozen: 2 } }
    expect(await rowAnswers.get(lights, 'l2', ANY_POSITION)).toMatchObject({ text: null, ...frozen })
    expect(await rowAnswers.list(lights, {}, {}, { atLeast: 2, waitMs: 0 })).toMatchObject({
      text: '{"items":[{"key":"l1","on":false,"times":1}],"next":null,"frozen":true,"position":2}',
      ...frozen,
    })
    for (let i = 0; i < 2; i++)
      expect(await queryAnswers.answer(ask[spec], {}, ANY_POSITION)).toMatchObject({ body: '[1]', cache: 'miss', ...frozen })
    const soon = { atLeast: 3, waitMs: 60_000 }
    for (const refused of [rowAnswers.get(lights, 'l1', soon), queryAnswers.answer(ask[spec], {}, soon)])
      expect(await refused.catch((error: unknown) => error)).toMatchObject({ reason: 'behind', position: 2, atLeast: 3 })
    expect((await store.readModel.progress(['lights_v1']))[0]!.position).toBe(2)
    release()
    await becomes('the new one serves', () => table(emaki) === 'lights_v2')
    await untilProcessed(emaki, 3)
    expect(await rowAnswers.get(lights, 'l1', soon)).toMatchObject({
      text: '{"key":"l1","on":false,"times":2}',
      incomplete: null,
    })
    expect(await queryAnswers.answer(ask[spec], {}, soon)).toMatchObject({ body: '[2,1]', incomplete: null })
    expect((await emaki.status()).map(({ name }) => name)).toEqual(['lights_v2'])
  })

  test('a version of a projection makes no table for frozen rows that are not there, and is waited for', async () => {
    const store = memory()
    const emaki = await run(store, thawing)
    await becomes('it serves', () => table(emaki) === 'lights_v2')
    expect(await store.readModel.tables()).toEqual(['lights_v2'])
    expect(() => projection('lights', { ...Counted, version: 2, frozen: true })).toThrow('frozen needs a previous version')
  })

  test('an earlier version of a projection catches up again when a release is taken back', async () => {
    const store = memory()
    const old = await run(store, first)
    await old.send(light.turn('l1', { on: true }))
    await untilProcessed(old, 1)
    await closing.pop()!.close()
    const next = await run(store, alone)
    await next.send(light.turn('l1', { on: true }))
    await becomes('the new one serves', () => table(next) === 'lights_v2')
    await untilProcessed(next, 2)
    await closing.pop()!.close()
    const back = await run(store, first)
    await becomes('the old one serves', () => table(back) === 'lights_v1')
    expect((await store.readModel.progress(['lights_v1']))[0]!.position).toBe(2)
    expect(await store.readModel.serving('lights')).toBe('lights_v1')
  })
})

describe('a rebuild', () => {
  const runRebuild = async (store: Store, signal?: AbortSignal) => {
    const following = tail({ store, bus: memoryBus(), report: () => {} })
    await following.start()
    const progress: [number, number][] = []
    const name = await rebuild({
      store,
      tail: following,
      projection: first[spec],
      leaseMs: 60_000,
      onProgress: (...at) => progress.push(at),
      report: () => {},
      ...(signal && { signal }),
    })
    await following.close()
    return { name, progress }
  }

  test('a rebuild repairs rows that differ from the log, and a process that serves goes over to it', async () => {
    const store = memory()
    const emaki = await run(store, first)
    for (const id of ['l1', 'l2']) await emaki.send(light.turn(id, { on: true }))
    await untilProcessed(emaki, 2)
    const at = { name: 'lights_v1', indexes: first[spec].indexes }
    const { epoch } = (await store.readModel.progress(['lights_v1']))[0]!
    await store.readModel.commit({
      name: 'lights_v1',
      epoch,
      from: 2,
      to: 2,
      ttlMs: 1_000,
      rows: [{ key: 'l1', position: 1, data: '{"on":true,"times":99}', fields: [1] }],
      park: [],
      unpark: [],
    })
    expect((await audit(store, first[spec], at)).differences).toEqual([
      { key: 'l1', stored: '{"on":true,"times":99}', folded: '{"on":true,"times":1}' },
    ])
    const { name, progress } = await runRebuild(store)
    expect([name, progress.length > 0]).toEqual(['lights_v1_g2', true])
    await becomes('it serves', () => table(emaki) === 'lights_v1_g2')
    expect(await readTimes(emaki)).toBe(1)
    await emaki.send(light.turn('l3', { on: true }))
    await untilProcessed(emaki, 3)
    expect(await readTimes(emaki, 'l3')).toBe(1)
    expect((await audit(store, first[spec], { ...at, name: 'lights_v1_g2' })).differences).toEqual([])
    expect((await runRebuild(store)).name).toBe('lights_v1_g3')
  })

  test('a rebuild is refused while another fills the same, and not once that has ended', async () => {
    const store = memory()
    const emaki = await run(store, first)
    await emaki.send(light.turn('l1', { on: true }))
    await untilProcessed(emaki, 1)
    const names = await Promise.all([runRebuild(store), runRebuild(store).catch(error => error as Error)])
    expect([names[0].name, String(names[1])]).toEqual([
      'lights_v1_g2',
      'StoreError: lights is being rebuilt already, or its rebuild ended less than 60000 ms ago',
    ])
    expect((await runRebuild(store)).name).toBe('lights_v1_g3')
  })

  test('a rebuild that is ended leaves everything as it was', async () => {
    const store = memory()
    const emaki = await run(store, first)
    await emaki.send(light.turn('l1', { on: true }))
    await untilProcessed(emaki, 1)
    expect((await runRebuild(store, AbortSignal.abort())).name).toBeNull()
    expect(await store.readModel.tables()).toEqual(['lights_v1'])
  })
})
