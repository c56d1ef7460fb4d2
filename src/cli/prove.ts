// A short form of the adversarial suite, on a log of its own in the user's own database. It tests each promise.
import { rmSync } from 'node:fs'
import type { Config } from '../config.ts'
import { storeOf } from '../config.ts'
import type { Diagnosis } from '../ports/store/diagnosis.ts'
import type { NewEvent, StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import type { NewKey, Unit } from '../ports/store/unit.ts'
import { progress } from './progress.ts'

/** A log of its own, which nobody else uses. */
export type Scratch = {
  /** Opens the same log again, as another process would. */
  readonly open: () => Promise<Store>
  readonly drop: () => Promise<void>
}

const WRITERS = 4
const APPENDS = 50
const ROUNDS = 10
const CALLERS_EACH = 4
const PAGE = 7
const LEASE_MS = 50
const WAIT_MS = 5_000

/**
 * Makes a scratch log beside the configured one: a schema in the same PostgreSQL database, or a file beside the SQLite
 * file.
 */
export function scratchFor(config: Config): () => Promise<Scratch> {
  return async () => {
    if (config.DATABASE_URL === undefined) return scratchFile(config)
    const { dropScratch, scratchSchema } = await import('../adapters/postgres/scratch.ts')
    const [url, schema] = [config.DATABASE_URL, scratchSchema()]
    return {
      open: () => openStore({ ...config, DATABASE_SCHEMA: schema, MIGRATE: true }),
      drop: () => dropScratch(url, schema),
    }
  }
}

function scratchFile(config: Config): Scratch {
  const file = `${config.SQLITE_FILE}.prove-${Bun.randomUUIDv7().slice(-12)}`
  return {
    open: () => openStore({ ...config, SQLITE_FILE: file, MIGRATE: true }),
    drop: async () => {
      for (const end of ['', '-wal', '-shm', '-serving']) rmSync(`${file}${end}`, { force: true })
    },
  }
}

async function openStore(config: Config): Promise<Store> {
  const store = await storeOf(config, { exclusive: false })
  await store.open()
  return store
}

/** Tests each promise on one scratch log, and gives one finding each. */
export async function proofsOf(make: () => Promise<Scratch>): Promise<readonly Diagnosis[]> {
  const all: Store[] = []
  let scratch: Scratch | null = null
  try {
    const made = await make()
    scratch = made
    const open = async () => {
      const store = await made.open()
      all.push(store)
      return store
    }
    for (let i = 0; i < WRITERS; i++) await open()
    return await runProofs([...all], open)
  } catch (error) {
    const fix = 'allow this user to make a schema, or a file beside that of the log'
    return [{ name: 'prove', status: 'problem', found: `could not be tested: ${String(error)}`, fix }]
  } finally {
    await Promise.allSettled(all.map(store => store.close()))
    await scratch?.drop()
  }
}

async function runProofs(stores: readonly Store[], open: () => Promise<Store>): Promise<readonly Diagnosis[]> {
  const diagnoses: Diagnosis[] = []
  const shown = progress('prove', 'promises')
  for (const [i, { name, holds, run }] of proofs.entries()) {
    shown.update(i, proofs.length)
    const wrong = await run(stores, open).catch(String)
    diagnoses.push({
      name: `prove ${name}`,
      ...(wrong === null ? { status: 'ok', found: holds } : { status: 'problem', found: wrong, fix: FIX }),
    })
  }
  shown.end(`${proofs.length} promises tried`)
  return diagnoses
}

const FIX = 'do not serve from this database: it cannot keep the promises of Emaki'

type Proof = {
  readonly name: string
  /** The text for a promise that holds. */
  readonly holds: string
  /** Tests the promise. Gives the violation; null: there is none. Streams are its own, positions are shared. */
  readonly run: (stores: readonly Store[], open: () => Promise<Store>) => Promise<string | null>
}

const order: Proof['run'] = async stores => {
  const [reader] = stores
  const start = await reader!.head()
  let writing = true
  const writers = Promise.allSettled(
    stores.map(async (store, w) => {
      for (let i = 0; i < APPENDS; i++) await store.append([unit(`order-${w}`, 'any', [happened(), happened()])])
    }),
  ).finally(() => {
    writing = false
  })
  const seen: StoredEvent[] = []
  for (let ended = false; !ended; ) {
    // Read before the page: events that were answered by then have to be on this page or the one before.
    const last = !writing
    const page = await reader!.readAll({ after: seen.at(-1)?.position ?? start, limit: PAGE })
    seen.push(...page)
    ended = last && page.length === 0
  }
  const failed = (await writers).find(({ status }) => status === 'rejected')
  const all = await reader!.readAll({ after: start, limit: WRITERS * APPENDS * 4 })
  const missing = all.filter(({ position }) => !seen.some(one => one.position === position))
  if (missing.length) return `a reader at the head was never shown ${missing.length} events, the first at ${missing[0]!.position}`
  if (failed) return `an append failed: ${String((failed as PromiseRejectedResult).reason)}`
  const expected = WRITERS * APPENDS * 2
  return seen.length === expected ? null : `of ${expected} events ${seen.length} were shown`
}

const expectations: Proof['run'] = async stores => {
  for (let version = 0; version < ROUNDS; version++) {
    const outcomes = await callers(stores, store => store.append([unit('one', version, [happened()])]))
    const won = outcomes.filter(([outcome]) => outcome?.outcome === 'appended').length
    if (won !== 1) return `${won} of ${outcomes.length} callers appended at version ${version}`
  }
  const versions = (await stores[0]!.read('one', { after: 0, limit: 1_000 })).map(({ version }) => version)
  return versions.length === ROUNDS ? null : `${versions.length} events where ${ROUNDS} were appended`
}

const atomicity: Proof['run'] = async ([store]) => {
  await store!.append([unit('there', 0, [happened()])])
  const slices = [
    { stream: 'new', expect: 0, events: [happened()] },
    { stream: 'there', expect: 0, events: [happened()] },
  ]
  await store!.append([{ slices, keys: [] }])
  const many = (await Promise.all(slices.map(({ stream }) => store!.read(stream, { after: 0, limit: 9 })))).flat().length
  return many === 1 ? null : `${many - 1} events of a unit that failed were appended`
}

const idempotency: Proof['run'] = async stores => {
  for (let i = 0; i < ROUNDS; i++) {
    const stream = `key-${i}`
    const key: NewKey = { key: stream, fingerprint: 'f', stream, version: 1, count: 1, rejection: null, keepMs: 60_000 }
    await callers(stores, store => store.append([{ ...unit(stream, 'any', [happened()]), keys: [key] }]))
    const many = (await stores[0]!.read(stream, { after: 0, limit: 100 })).length
    if (many !== 1) return `one key appended ${many} times`
  }
  return null
}

const fencing: Proof['run'] = async ([one, other]) => {
  const table = { name: 'proof_v1', indexes: [] }
  for (const { readModel } of [one!, other!]) await readModel.prepare([table])
  const zombie = await one!.readModel.acquire(table.name, { owner: 'zombie', ttlMs: LEASE_MS, start: 0 })
  const deadline = performance.now() + WAIT_MS
  let taken = null
  while (!taken && performance.now() < deadline) {
    await Bun.sleep(LEASE_MS / 5)
    taken = await other!.readModel.acquire(table.name, { owner: 'successor', ttlMs: WAIT_MS, start: 0 })
  }
  if (!zombie || !taken) return 'a lease whose time was over was not taken over'
  const page = (epoch: number, data: string) => ({
    ...{ name: table.name, epoch, from: 0, to: 1, ttlMs: WAIT_MS, park: [], unpark: [] },
    rows: [{ key: 'k', position: 1, data, fields: [] }],
  })
  if (await one!.readModel.commit(page(zombie.epoch, '"zombie"'))) return 'the page of an owner that was taken over was written'
  if (!(await other!.readModel.commit(page(taken.epoch, '"successor"')))) return 'the page of the owner was refused'
  const { found } = await other!.readModel.get(table, 'k')
  return found?.data === '"successor"' ? null : `a row holds ${found?.data ?? 'nothing'}, not what its owner wrote`
}

const durability: Proof['run'] = async ([store, ...others], open) => {
  const odd = '{"a":1.0,"text":"ü日本\\u0000","b":{"z":1,"a":2}}'
  const event = { ...happened(), data: odd }
  await store!.append([unit('durable', 0, [event])])
  await Promise.all([store!, ...others].map(one => one.close()))
  const again = await open()
  const [found] = await again.read('durable', { after: 0, limit: 1 })
  if (!found) return 'what was answered was not there when the log was opened again'
  return found.data === odd && found.id === event.id ? null : `what was read is not what was appended: ${found.data}`
}

const proofs: readonly Proof[] = [
  { name: 'order', holds: `a reader at the head was shown all that ${WRITERS} racing writers appended`, run: order },
  {
    name: 'expectations',
    holds: `one of ${WRITERS * CALLERS_EACH} racing callers appended, in each of ${ROUNDS} rounds`,
    run: expectations,
  },
  { name: 'atomicity', holds: 'a unit of which one slice failed appended nothing', run: atomicity },
  { name: 'idempotency', holds: 'one key, said by many at once, appended once', run: idempotency },
  { name: 'fencing', holds: "a page of an owner that was taken over was refused, its successor's was written", run: fencing },
  { name: 'durability', holds: 'what was answered was there byte for byte after all had closed', run: durability },
]

function callers<T>(stores: readonly Store[], call: (store: Store) => Promise<T>): Promise<readonly T[]> {
  return Promise.all(stores.flatMap(store => Array.from({ length: CALLERS_EACH }, () => call(store))))
}

function happened(): NewEvent {
  return { id: Bun.randomUUIDv7(), type: 'Tried', schema: 'prove', data: '{}', meta: '{}' }
}

function unit(stream: string, expect: number | 'any', events: readonly NewEvent[]): Unit {
  return { slices: [{ stream, expect, events }], keys: [] }
}
