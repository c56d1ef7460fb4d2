// Verbs on rows and what keeps them: parked, unpark, skip, rebuild, audit. All may run beside a server.
import { memoryBus } from '../bus/memory.ts'
import { spec } from '../event/events.ts'
import { type ProjectionSpec, projectionOf, tableOf } from '../projection/projection.ts'
import { LEASE_MS } from '../runtime.ts'
import type { Store } from '../store/store.ts'
import { AUDIT_KEYS, audit } from '../subscription/audit.ts'
import { rebuild } from '../subscription/rebuild.ts'
import { tail } from '../subscription/tail.ts'
import { opened } from './opened.ts'
import { paintFor, plain } from './paint.ts'
import { progress } from './progress.ts'
import { table } from './table.ts'
import { type Call, Misused, numberOf, type Verb } from './verb.ts'

/** Shows what is put aside, in whole or of one projection or processor. */
async function parked(call: Call): Promise<number> {
  return opened(call, async store => {
    const names = call.words[0] === undefined ? null : await namesOf(store, call)
    const found = (await store.readModel.parked()).filter(({ name }) => !names || names.includes(name))
    if (call.json) console.log(JSON.stringify(found))
    else if (found.length === 0) console.log('nothing is parked')
    else
      console.log(
        table(
          ['SUBSCRIPTION', 'KIND', 'KEY', 'POSITION', 'SINCE', 'CAUSE'].map(paintFor().bold),
          found.map(({ name, kind, key, position, at, cause }) => [name, kind, plain(key), String(position), at, plain(cause)]),
        ),
      )
    return 0
  })
}

/** Has what is parked handled again, by whoever runs the projection or processor. */
function unpark(call: Call): Promise<number> {
  return asked(call, (store, name, key) => store.readModel.unpark(name, key))
}

/** Has the event that a key is parked at passed over, and what came after it handled. */
function skip(call: Call): Promise<number> {
  if (call.words.length < 2) throw new Misused('skip takes a name and a key')
  return asked(call, (store, name, key) => store.readModel.unpark(name, key, 'skip'))
}

async function asked(call: Call, ask: (store: Store, name: string, key: string | undefined) => Promise<number>): Promise<number> {
  if (call.words.length < 1) throw new Misused('which projection or processor?')
  return opened(call, async store => {
    let many = 0
    for (const name of await namesOf(store, call)) many += await ask(store, name, call.words[1])
    console.log(call.json ? JSON.stringify({ many }) : many === 0 ? 'nothing is parked there' : `${many} to be handled again`)
    return 0
  })
}

/** Fills a projection anew, side by side with what serves. */
async function rebuilt(call: Call): Promise<number> {
  const projection = wanted(call)
  return opened(call, async store => {
    const following = tail({ store, bus: memoryBus(), report: console.error })
    await following.start()
    const shown = progress(`rebuild ${projection.name}`, 'events')
    const stop = new AbortController()
    const interrupt = () => stop.abort()
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
    const began = performance.now()
    try {
      const options = { store, tail: following, projection, leaseMs: LEASE_MS, told: shown.at, report: console.error }
      const name = await rebuild({ ...options, signal: stop.signal })
      const seconds = (performance.now() - began) / 1_000
      shown.end(name === null ? 'stopped; what serves is as it was' : `${name} serves, after ${seconds.toFixed(1)} s`)
      return name === null ? 130 : 0
    } finally {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
      await following.close()
    }
  })
}

/** Folds a sample of keys again and compares; 1 where rows differ. */
async function audited(call: Call): Promise<number> {
  const projection = wanted(call)
  return opened(call, async store => {
    const name = (await store.readModel.serving(projection.name)) ?? tableOf(projection)
    const shown = progress(`audit ${projection.name}`, 'events')
    const head = await store.head()
    const found = await audit(
      store,
      projection,
      { name, indexes: projection.indexes },
      { keys: numberOf(call.values, 'keys', 1) ?? AUDIT_KEYS, told: position => shown.at(position, head) },
    )
    const { keys, parked: left, differences, position } = found
    shown.end(`${keys} keys of ${name} compared up to ${position}, ${differences.length} differ, ${left} parked`)
    if (call.json) console.log(JSON.stringify(found))
    else
      for (const { key, stored, folded } of differences)
        console.log(`${key}\n  stored ${stored ?? 'nothing'}\n  folded ${folded ?? 'nothing'}`)
    return differences.length === 0 ? 0 : 1
  })
}

function wanted({ serve, words }: Call): ProjectionSpec {
  const all = serve.map(one => one[spec] as unknown as ProjectionSpec).filter(one => one.kind === 'projection' && !one.live)
  const found = all.find(({ name }) => name === words[0])
  if (!found) throw new Misused(`which projection? There are ${all.map(({ name }) => name).join(', ') || 'none'}`)
  return found
}

/** The subscriptions that a name stands for: a processor's own, or those of all tables of a projection. */
async function namesOf(store: Store, { words }: Call): Promise<readonly string[]> {
  const name = words[0]!
  const tables = (await store.readModel.tables()).filter(one => projectionOf(one) === name.replaceAll('-', '_'))
  return [name, ...tables.filter(one => one !== name)]
}

export const parkedVerb: Verb = {
  takes: '[NAME]',
  does: 'show what projections and processors have put aside',
  json: true,
  run: parked,
}
export const unparkVerb: Verb = {
  takes: 'NAME [KEY]',
  does: 'have it handled again, once its cause is mended',
  json: true,
  run: unpark,
}
export const skipVerb: Verb = {
  takes: 'NAME KEY',
  does: 'have the event passed over that a key is parked at',
  json: true,
  run: skip,
}
export const rebuildVerb: Verb = {
  takes: 'NAME',
  does: 'fill a projection anew, beside what serves until then',
  json: true,
  run: rebuilt,
}
export const auditVerb: Verb = {
  takes: 'NAME',
  does: 'fold a sample of keys again and compare; 1 where rows differ',
  options: { keys: { takes: 'N', does: `how many; ${AUDIT_KEYS} by default` } },
  json: true,
  run: audited,
}
