// doctor: what it says of a sound database, of a broken one, and of stores that break a promise.
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, readConfig } from '../config.ts'
import { checksumsOf, clockFinding, durability, versionsOf } from '../adapters/postgres/examine.ts'
import { runtime } from '../runtime.ts'
import type { Diagnosis } from '../ports/store/diagnosis.ts'
import { memory } from '../ports/store/memory.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { order, shop } from '../test-support/fulfilment.ts'
import { diagnoseBacklog, diagnoseBun, diagnoseHome, diagnoseLag, diagnoseLeases, doctorVerb } from './doctor.ts'
import { proofsOf, type Scratch } from './prove.ts'
import { untilProcessed } from '../test-support/until-processed.ts'
import { fillStore, runDoctor } from './doctor.cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-doctor-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string): Config => readConfig({ SQLITE_FILE: join(folder, name) })

describe('doctor', () => {
  test('doctor finds nothing wrong with a file that an app has used, and says so', async () => {
    const config = file('well.db')
    await fillStore(config)
    const { code, findings } = await runDoctor(config)
    expect(findings.filter(({ status }) => status !== 'ok')).toEqual([])
    expect(code).toBe(0)
    expect(findings.map(({ name }) => name)).toEqual([
      ...['bun', 'file', 'database', 'journal_mode', 'synchronous', 'lock', 'migrations', 'log'],
      ...['subscription process_fulfilment', 'leases', 'events', 'parked', 'agenda'],
    ])
    const { out } = await runVerb(doctorVerb, { config, serve: shop })
    expect(out).toMatch(/^✓ bun .*\n✓ file /)
    expect(out).toEndWith('\n\nall well\n')
  })

  test('doctor says how to fix a file that is not there, lacks migrations, or is not in WAL mode', async () => {
    const none = await runDoctor(file('none.db'))
    expect([none.code, none.problems]).toEqual([
      1,
      [expect.objectContaining({ name: 'file', fix: 'run `emaki migrate`, or correct SQLITE_FILE' })],
    ])
    new Database(join(folder, 'bare.db')).run('create table other (n integer)')
    const bare = await runDoctor(file('bare.db'))
    expect(bare.problems.map(({ name }) => name)).toEqual(['journal_mode', 'migrations'])
    expect((await runVerb(doctorVerb, { config: file('bare.db') })).out).toMatch(
      /✗ migrations +the file has no log yet\n +→ run `emaki migrate`\n\n2 problems\n$/,
    )
  })

  test('doctor finds what stands still, is parked or waits to be sent, and which owner ended', async () => {
    let skipped = -600_000
    const store = memory({ now: () => Date.now() + skipped })
    await filledIn(store)
    await store.readModel.reset('process_fulfilment', 0)
    const lease = (await store.readModel.acquire('dead', { owner: 'x', ttlMs: 1, start: 0 }))!
    const page = { name: 'dead', epoch: lease.epoch, from: 0, to: 1, ttlMs: 1, rows: [], unpark: [] }
    await store.readModel.commit({ ...page, park: [{ kind: 'key', key: 'k', position: 1, cause: 'Error: x' }] })
    await store.agenda.schedule({
      ...{ id: 'e', owner: 'commands', key: '', timer: null, command: '{}' },
      ...{ meta: '{}', due: 0, set: 0 },
    })
    skipped = 0
    const { code, findings } = await runDoctor(readConfig({}), { store })
    expect(code).toBe(1)
    expect(findings.filter(({ status }) => status !== 'ok')).toMatchObject([
      { name: 'subscription process_fulfilment', status: 'problem', found: '1 events behind the head, and no process runs it' },
      {
        name: 'leases',
        status: 'warning',
        found: expect.stringMatching(/^0 held; expired, and not taken over: dead \(since 1\d min\)$/),
      },
      { name: 'parked', status: 'problem', found: '1 of dead' },
      { name: 'agenda', status: 'problem', found: expect.stringMatching(/^2 pending, 1 due, the first since 1[01] min$/) },
    ])
  })

  test('doctor warns of commands that came too early and wait in a process, which are no problem', async () => {
    let skipped = -600_000
    const store = memory({ now: () => Date.now() + skipped })
    await filledIn(store)
    const entry = { id: 'e', owner: 'commands', key: '', timer: null, command: '{}', meta: '{}', due: 0, set: 0 }
    await store.agenda.schedule(entry)
    skipped = 0
    await store.readModel.acquire('commands', { owner: 'x', ttlMs: 3_600_000, start: 0 })
    const found = async () => (await runDoctor(readConfig({}), { store })).findings.find(({ name }) => name === 'agenda')
    expect(await found()).toMatchObject({
      status: 'warning',
      found: expect.stringMatching(/^2 pending, 1 due, the first since \d+ min$/),
      fix: expect.stringContaining('they came too early (reject.later)'),
    })
    await store.agenda.schedule({ ...entry, id: 'f', owner: 'process_none', due: Date.now() - 300_000 })
    expect(await found()).toMatchObject({
      status: 'problem',
      found: expect.stringMatching(/^3 pending, 2 due, the first since \d+ min$/),
    })
  })

  test('doctor warns of keys in retry, which are no problem yet', async () => {
    const store = memory()
    await filledIn(store)
    const { epoch } = (await store.readModel.acquire('mails', { owner: 'x', ttlMs: 60_000, start: 0 }))!
    const park = [{ kind: 'key', key: 'k', position: 1, cause: 'Error: x', retrySince: 1 }] as const
    await store.readModel.commit({ name: 'mails', epoch, from: 0, to: 1, ttlMs: 60_000, rows: [], unpark: [], park })
    const { findings } = await runDoctor(readConfig({}), { store })
    expect(findings.find(({ name }) => name === 'parked')).toMatchObject({ status: 'warning', found: 'in retry: 1 of mails' })
  })

  test('doctor judges releases, settings, clocks and places by their values', () => {
    const sound = {
      version: '16.1',
      number: 160_001,
      encoding: 'UTF8',
      fsync: 'on',
      pages: 'on',
      commit: 'on',
      recovery: 'false',
      mode: 'off',
    }
    const statuses = (findings: readonly Diagnosis[]) => findings.map(({ status }) => status)
    expect(statuses(versionsOf(sound))).toEqual(['ok', 'ok', 'ok'])
    expect(statuses(versionsOf({ ...sound, number: 140_005, encoding: 'SQL_ASCII', recovery: 'true' }))).toEqual([
      'problem',
      'problem',
      'problem',
    ])
    expect(versionsOf({ ...sound, mode: 'on' })[2]).toMatchObject({
      status: 'problem',
      found: 'a primary that is set to be read-only',
    })
    const checked = { checksums: 'on', ignored: 'off', zeroed: 'off' }
    const checksums = [
      checksumsOf(checked, 0),
      checksumsOf({ ...checked, checksums: 'off' }, 0),
      checksumsOf({ ...checked, ignored: 'on' }, 0),
      checksumsOf({ ...checked, zeroed: 'on' }, 0),
      checksumsOf(checked, 1),
    ]
    expect(statuses(checksums)).toEqual(['ok', 'warning', 'problem', 'problem', 'problem'])
    expect(statuses(durability(sound))).toEqual(['ok', 'ok', 'ok'])
    expect(statuses(durability({ fsync: 'off', pages: 'off', commit: 'off' }))).toEqual(['problem', 'problem', 'warning'])
    const homes = [diagnoseHome({ id: 'l', epoch: 1 }, 7), diagnoseHome({ id: 'l', epoch: 1, restoredFrom: '1.2.3' }, 7)]
    expect(statuses(homes)).toEqual(['ok', 'problem'])
    expect([20, -1_000, 6_000].map(ms => clockFinding(ms).status)).toEqual(['ok', 'warning', 'problem'])
    expect(clockFinding(-1_000).found).toBe("the database's is 1000 ms behind this machine's")
    expect([diagnoseBun('1.4.5').status, diagnoseBun('1.5.0-canary.1').status, diagnoseBun('1.4.4').status]).toEqual([
      'ok',
      'ok',
      'problem',
    ])
    const lag = (before: number, after: number, isRun = false) => diagnoseLag('s', { head: 10, before, after, isRun }).status
    // What came to the log while it was looked is not past its head.
    expect(lag(9, 12)).toBe('ok')
    expect([lag(10, 10), lag(3, 5), lag(3, 3, true), lag(3, 3), lag(12, 12)]).toEqual([
      'ok',
      'ok',
      'warning',
      'problem',
      'problem',
    ])
    expect(statuses(diagnoseLeases([{ name: 's', owner: 'a', epoch: 1, leftMs: 5 }]))).toEqual(['ok'])
    expect(diagnoseBacklog({ pending: 5, due: 1, first: new Date(0).toISOString() }, 1_000).status).toBe('ok')
    expect(diagnoseBacklog({ pending: 5, due: 1, first: new Date(0).toISOString() }, 60_000).status).toBe('problem')
  })
})

async function filledIn(store: Store): Promise<void> {
  const emaki = await runtime({ serve: shop, store })
  await emaki.send(order.place('o1', { skus: [], cents: 5 }))
  await untilProcessed(emaki, 1)
  await emaki.close()
}

describe('doctor --prove', () => {
  test('doctor --prove tries every promise on SQLite, in a file beside that is gone afterwards', async () => {
    const config = file('proved.db')
    await fillStore(config)
    const { code, findings } = await runDoctor(config, { prove: true })
    expect(findings.filter(({ name }) => name.startsWith('prove ')).map(({ name, status }) => [name, status])).toEqual(
      ['order', 'expectations', 'atomicity', 'idempotency', 'fencing', 'durability'].map(name => [`prove ${name}`, 'ok']),
    )
    expect(code).toBe(0)
    expect(readdirSync(folder).filter(name => name.includes('prove-'))).toEqual([])
  })

  for (const [bug, caught, plant] of bugs()) {
    test(`doctor --prove finds a store that ${bug}`, async () => {
      const wrong = (await proofsOf(async () => plantBug(plant))).filter(({ status }) => status !== 'ok')
      expect(wrong.map(({ name }) => name)).toEqual([`prove ${caught}`])
    })
  }

  test('doctor --prove finds nothing wrong with a sound store in memory', async () => {
    expect((await proofsOf(async () => plantBug(() => ({})))).filter(({ status }) => status !== 'ok')).toEqual([])
  })
})

type Plant = (sound: Store) => Partial<Store>

async function plantBug(plant: Plant): Promise<Scratch> {
  const sound = memory()
  return { open: async () => ({ ...sound, ...plant(sound) }), drop: async () => {} }
}

function bugs(): readonly (readonly [bug: string, caught: string, plant: Plant])[] {
  return [
    [
      'shows an event after those behind it',
      'order',
      store => ({
        readAll: async options => {
          const [page, head] = [await store.readAll(options), await store.head()]
          const isLate = ({ position }: StoredEvent) => position % 7 === 0 && position > head - 3
          return page.filter(event => !isLate(event))
        },
      }),
    ],
    [
      'takes any version for the one expected',
      'expectations',
      store => ({
        append: units =>
          store.append(
            units.map(one => ({ ...one, slices: one.slices.map(slice => (slice.expect ? { ...slice, expect: 'any' } : slice)) })),
          ),
      }),
    ],
    [
      'appends the slices of a unit one by one',
      'atomicity',
      store => ({
        append: async units => {
          const [one] = units
          if (one!.slices.length === 1) return store.append(units)
          return (await Promise.all(one!.slices.map(slice => store.append([{ slices: [slice], keys: [] }])))).flat()
        },
      }),
    ],
    ['forgets its keys', 'idempotency', store => ({ append: units => store.append(units.map(one => ({ ...one, keys: [] }))) })],
    [
      'writes the page of whoever comes',
      'fencing',
      store => ({
        readModel: {
          ...store.readModel,
          commit: async page => {
            const [progress] = await store.readModel.progress([page.name])
            return store.readModel.commit({ ...page, epoch: progress?.epoch ?? 0 })
          },
        },
      }),
    ],
    [
      'writes numbers anew',
      'durability',
      store => ({
        read: async (stream, options) =>
          (await store.read(stream, options)).map(event => ({ ...event, data: JSON.stringify(JSON.parse(event.data)) })),
      }),
    ],
  ]
}
