import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { postgres } from '../../adapters/postgres/index.ts'
import { sqlite } from '../../adapters/sqlite/index.ts'
import { findingsVerb } from '../../cli/findings.ts'
import { decider } from '../../definitions/decider/decider.ts'
import { type Detector, detector } from '../../definitions/detector/detector.ts'
import { WINDOW_EVENTS } from '../../definitions/detector/shape.ts'
import { PATHS_MAX } from '../../definitions/detector/shape-paths.ts'
import { events, spec } from '../../definitions/event/events.ts'
import { Metrics } from '../../metrics/registry.ts'
import type { Notice } from '../../ports/report/notice.ts'
import { memory } from '../../ports/store/memory.ts'
import type { Store } from '../../ports/store/store.ts'
import { type Runtime, runtime } from '../../runtime.ts'
import { cleanUp, cleanUpLater } from '../../test-support/cleanup.ts'
import { Order, order } from '../../test-support/fulfilment.ts'
import { runVerb } from '../../test-support/run-verb.ts'
import { testSchema } from '../../test-support/schema.ts'
import { until } from '../../test-support/servers/until.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'
import { FindingReader } from './finding-reader.ts'
import { FindingWatch } from './finding-watch.ts'

afterEach(cleanUp)

const shapes: Detector<'shapes'> = detector('shapes', { from: Order, shape: true })
const KNOWN = 450
const DEAR = 50

function inFile(): Store {
  const directory = mkdtempSync(join(tmpdir(), 'emaki-notes-'))
  cleanUpLater(() => rmSync(directory, { recursive: true }))
  return sqlite(join(directory, 'log.db'))
}

type Shop = { readonly emaki: Runtime; readonly store: Store }

async function openShop(store: Store): Promise<Shop> {
  const emaki = await runtime({ serve: [order, shapes], store, report: () => {} })
  cleanUpLater(() => emaki.close())
  return { emaki, store }
}

/** Window by window, so that each window of the log has the same orders. */
async function place({ emaki, store }: Shop, from: number, to: number, factor = 1): Promise<void> {
  const placeOne = (i: number) => emaki.send(order.place(`o${i}`, { skus: ['a'], cents: (100 + ((i * 37) % 50)) * factor }))
  for (let i = from; i < to; i += WINDOW_EVENTS)
    await Promise.all(Array.from({ length: WINDOW_EVENTS }, (_, j) => placeOne(i + j)))
  await untilProcessed(emaki, await store.head())
}

const readerOf = (store: Store) => new FindingReader(store, shapes[spec], Date.now)
const DEARER = { kind: 'shape', subject: 'order.Placed', path: 'cents', change: 'numbers', effect: 1 }

describe('notes on payloads', () => {
  test.each<[string, () => Promise<Store> | Store]>([
    ['memory', () => memory()],
    ['SQLite', inFile],
    [
      'PostgreSQL',
      async () => {
        const { url, schema, drop } = await testSchema()
        cleanUpLater(drop)
        return postgres(url, { schema })
      },
    ],
  ])('a detector on %s notes numbers that are 100 times as much, and the same after a rebuild', async (_, makeStore) => {
    const shop = await openShop(await makeStore())
    await place(shop, 0, KNOWN)
    expect((await readerOf(shop.store).read()).notes).toEqual([])
    await place(shop, KNOWN, KNOWN + DEAR, 100)
    const { notes, subjects } = await readerOf(shop.store).read()
    // What nodes count may be there, too, after a minute.
    const types = subjects.map(({ subject }) => subject).filter(subject => !subject.includes(' '))
    expect(types).toEqual(['order.Placed'])
    const last = KNOWN + DEAR
    expect(notes).toMatchObject([{ ...DEARER, examples: [last - 2, last - 1, last] }])
    await shop.emaki.reset('shapes')
    const isNoted = async () => (await readerOf(shop.store).read()).notes.length > 0
    await until('the payloads are read again', isNoted)
    expect((await readerOf(shop.store).read()).notes).toEqual(notes)
  })

  test('a note is reported once at level info and counts as no open finding, and what was noted before is not reported', async () => {
    const shop = await openShop(memory())
    await place(shop, 0, KNOWN)
    const notices: Notice[] = []
    const makeWatch = () =>
      new FindingWatch({
        ...{ store: shop.store, detectors: [shapes[spec]], now: Date.now, metrics: new Metrics(), isOwner: () => true },
        report: notice => void notices.push(notice as Notice),
      })
    const watch = makeWatch()
    await watch.look()
    await place(shop, KNOWN, KNOWN + DEAR, 100)
    for (const _ of [1, 2]) await watch.look()
    const later = makeWatch()
    for (const _ of [1, 2]) await later.look()
    expect(notices.map(({ code, level, fields }) => [code, level, fields['subject'], fields['path']])).toEqual([
      ['payload-changed', 'info', 'order.Placed', 'cents'],
    ])
    expect(notices[0]!.message).toMatch(/^cents of order\.Placed: higher numbers in 50 events since .*Seen: \d{5}/)
    expect(watch.open.map(({ value }) => value)).toEqual([0])
  })

  test('notes are printed below the findings, and as JSON, and not those from before the asked time', async () => {
    const shop = await openShop(memory())
    await place(shop, 0, KNOWN)
    await place(shop, KNOWN, KNOWN + DEAR, 100)
    const call = { serve: [order, shapes], store: shop.store }
    const { code, out } = await runVerb(findingsVerb, call)
    expect(code).toBe(0)
    expect(out).toMatch(
      /NOTE ON +FIELD +CHANGE +SINCE +FOUND +SEEN +USUAL +EFFECT +POSITIONS\norder\.Placed +cents +higher numbers /,
    )
    const { out: json } = await runVerb(findingsVerb, { ...call, json: true })
    expect(JSON.parse(json)).toMatchObject([{ detector: 'shapes', findings: [], notes: [DEARER], unwatched: [] }])
    const since = new Date(Date.now() + 60_000).toISOString()
    expect((await runVerb(findingsVerb, { ...call, values: { since } })).out).not.toContain('NOTE ON')
  })

  test('fields that are not watched, because a type has too many, are printed with their number', async () => {
    const fields = Object.fromEntries(Array.from({ length: PATHS_MAX + 2 }, (_, i) => [`f${i}`, z.int()]))
    const Wide = events('wide', { Come: z.object(fields) })
    const data = Object.fromEntries(Object.keys(fields).map(name => [name, 1]))
    const commands = { come: z.object({}) }
    const wide = decider(Wide, {
      initial: {},
      evolve: { Come: state => state },
      commands,
      decide: { come: () => Wide.Come(data) },
    })
    const wides = detector('wides', { from: Wide, shape: true })
    const store = memory()
    const emaki = await runtime({ serve: [wide, wides], store, report: () => {} })
    cleanUpLater(() => emaki.close())
    await emaki.send(wide.come('w1', {}))
    await untilProcessed(emaki, 1)
    const { out } = await runVerb(findingsVerb, { serve: [wides], store })
    expect(out).toContain('wide.Come has 2 fields more than are watched.')
  })

  test('a detector that does not read payloads keeps no rows of types and has no notes', async () => {
    const rates = detector('shapes', { from: Order })
    const store = memory()
    const emaki = await runtime({ serve: [order, rates], store, report: () => {} })
    cleanUpLater(() => emaki.close())
    await emaki.send(order.place('o1', { skus: ['a'], cents: 5 }))
    await untilProcessed(emaki, 1)
    const asked = { where: [], sort: [], limit: 10, after: null }
    const { found } = await store.readModel.list({ name: 'shapes_v1', indexes: [] }, asked)
    expect(found.map(({ key }) => key.slice('2026-12-01T04 '.length))).toEqual(['order.Placed'])
    expect((await new FindingReader(store, rates[spec], Date.now).read()).notes).toEqual([])
  })
})
