// Verbs on rows and their subscriptions: parked, unpark, skip, rebuild, reset, audit. All may run beside a server.
import { memoryBus } from '../ports/bus/memory.ts'
import { spec } from '../definitions/event/events.ts'
import { subscriptionOf as processSubscription } from '../definitions/process/instance.ts'
import type { ProcessSpec } from '../definitions/process/process.ts'
import type { ProcessorSpec } from '../definitions/processor.ts'
import { type ProjectionSpec, projectionOf, tableOf } from '../definitions/projection/projection.ts'
import { type SqlProjectionSpec, subscriptionOf } from '../definitions/projection/sql-projection.ts'
import type { Store } from '../ports/store/store.ts'
import { AUDIT_KEYS, audit } from '../subscription/audit.ts'
import { rebuild } from '../subscription/rebuild.ts'
import { tail } from '../subscription/tail.ts'
import { isTableOf } from '../subscription/projection-versions.ts'
import { EXIT } from './exit-codes.ts'
import { withStore } from './opened.ts'
import { paintFor, plain } from './paint.ts'
import { type ProgressLine, progress } from './progress.ts'
import { table } from './table.ts'
import { type Call, Misused, numberOf, type Verb } from './verb.ts'
import { printReports } from '../ports/report/print.ts'

/** Shows parked keys and streams: all of them, or those of one projection or processor. */
async function showParked(call: Call): Promise<number> {
  if (call.words[0] !== undefined) definitionNamed(call)
  return withStore(call, async store => {
    const names = call.words[0] === undefined ? null : await namesOf(store, call)
    const found = (await store.readModel.parked()).filter(({ name }) => !names || names.includes(name))
    if (call.json) console.log(JSON.stringify(found))
    else if (found.length === 0) console.log('nothing is parked')
    else
      console.log(
        table(
          ['SUBSCRIPTION', 'KIND', 'KEY', 'POSITION', 'STATE', 'SINCE', 'CAUSE'].map(paintFor().bold),
          found.map(({ name, kind, key, position, again, at, cause }) => {
            const state = again === null ? 'parked' : 'in retry'
            return [name, kind, plain(key), String(position), state, at, plain(cause)]
          }),
        ),
      )
    return 0
  })
}

/** Asks the owner of the subscription to handle parked keys again. */
function unpark(call: Call): Promise<number> {
  return askOwner(call, 'will be handled again', (store, name, key) => store.readModel.unpark(name, key))
}

/** Asks the owner of the subscription to skip the event at which a key is parked, and to handle the events after it. */
function skip(call: Call): Promise<number> {
  if (call.words.length < 2) throw new Misused('skip needs a name and a key')
  const done = 'will go on without the event at which it is parked'
  return askOwner(call, done, (store, name, key) => store.readModel.unpark(name, key, 'skip'))
}

async function askOwner(
  call: Call,
  done: string,
  ask: (store: Store, name: string, key: string | undefined) => Promise<number>,
): Promise<number> {
  if (call.words.length < 1) throw new Misused('which projection or processor?')
  definitionNamed(call)
  return withStore(call, async store => {
    let many = 0
    for (const name of await namesOf(store, call)) many += await ask(store, name, call.words[1])
    console.log(call.json ? JSON.stringify({ many }) : many === 0 ? 'nothing is parked there' : `${many} ${done}`)
    return 0
  })
}

/** Fills a projection again, beside the table that serves. */
async function rebuildTable(call: Call): Promise<number> {
  const projection = projectionNamed(call)
  return withStore(call, async store => {
    const report = printReports()
    const following = tail({ store, bus: memoryBus(), report })
    await following.start()
    const shown = call.json ? jsonLines() : progress(`rebuild ${projection.name}`, 'events')
    const stop = new AbortController()
    const interrupt = () => stop.abort()
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
    const began = performance.now()
    try {
      const options = {
        store,
        tail: following,
        projection,
        leaseMs: call.config.LEASE_MS,
        onProgress: shown.update,
        report,
      }
      const name = await rebuild({ ...options, signal: stop.signal })
      const seconds = (performance.now() - began) / 1_000
      if (call.json) console.log(JSON.stringify({ table: name, seconds }))
      else shown.end(name === null ? 'stopped; what serves is as it was' : `${name} serves, after ${seconds.toFixed(1)} s`)
      return name === null ? 130 : 0
    } finally {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
      await following.close()
    }
  })
}

/** Writes the progress as lines of JSON to stdout. */
function jsonLines(): ProgressLine {
  return { update: (position, head) => console.log(JSON.stringify({ position, head })), end: () => {} }
}

/** Makes a projection begin again, or a processor continue after a position, whichever process runs it. */
async function reset(call: Call): Promise<number> {
  if (call.words.length < 1) throw new Misused('which projection or processor?')
  const one = definitionNamed(call)
  const position = numberOf(call.values, 'position', 0) ?? 0
  // It would send old commands again, and their keys are no longer known.
  if (one.kind === 'process') throw new Misused(`${one.name} is a process: raise its version, and its states are made again`)
  if (position !== 0 && one.kind !== 'processor') throw new Misused(`${one.name} has rows: it can only begin again at 0`)
  return withStore(call, async store => {
    const head = await store.head()
    if (position > head) throw new Misused(`--position ${position} is after the end of the log, which is ${head}`)
    const name = await currentOf(store, one)
    await store.readModel.reset(name, position)
    console.log(call.json ? JSON.stringify({ name, position }) : `${name} continues after ${position}`)
    return 0
  })
}

/** Folds a sample of keys again and compares the rows. Gives exit code 1 if they differ. */
async function auditRows(call: Call): Promise<number> {
  const projection = projectionNamed(call)
  const sample = numberOf(call.values, 'keys', 1) ?? AUDIT_KEYS
  return withStore(call, async store => {
    const name = (await store.readModel.serving(projection.name)) ?? tableOf(projection)
    const shown = progress(`audit ${projection.name}`, 'events')
    const head = await store.head()
    const found = await audit(
      store,
      projection,
      { name, indexes: projection.indexes },
      { keys: sample, onProgress: position => shown.update(position, head) },
    )
    const { keys, parked: left, differences, position } = found
    shown.end(`${keys} keys of ${name} compared up to ${position}, ${differences.length} differ, ${left} parked`)
    if (call.json) console.log(JSON.stringify(found))
    else
      for (const { key, stored, folded } of differences)
        console.log(`${key}\n  stored ${stored ?? 'nothing'}\n  folded ${folded ?? 'nothing'}`)
    return differences.length === 0 ? 0 : EXIT.PROBLEM
  })
}

function projectionNamed({ serve, words }: Call): ProjectionSpec {
  const all = serve.map(one => one[spec] as unknown as ProjectionSpec).filter(one => one.kind === 'projection' && !one.live)
  const found = all.find(({ name }) => name === words[0])
  if (!found) throw new Misused(`which projection? There are ${all.map(({ name }) => name).join(', ') || 'none'}`)
  return found
}

type Followed = ProjectionSpec | ProcessorSpec | SqlProjectionSpec | ProcessSpec
const KINDS = ['projection', 'processor', 'sql-projection', 'process']

/** Finds a definition by its name, or by the name of its subscription, which `parked` shows. */
function definitionNamed({ serve, words }: Call): Followed {
  const all = serve
    .map(one => one[spec] as unknown as Followed)
    .filter(one => KINDS.includes(one.kind) && !('live' in one && one.live))
  const name = words[0]!
  const found = all.find(one => one.name === name || (one.kind !== 'processor' && projectionOf(name) === ownName(one)))
  const names = all.map(({ name }) => name).join(', ') || 'none'
  if (!found) throw new Misused(`no projection, processor or process is named ${name}; there are ${names}`)
  return found
}

/** The name of a projection's subscriptions, without the version. */
function ownName(one: Exclude<Followed, ProcessorSpec>): string {
  if (one.kind === 'process') return processSubscription(one)
  return projectionOf(one.kind === 'projection' ? tableOf(one) : subscriptionOf(one))
}

/** The subscriptions of a name: that of a processor, or those of all tables of a projection. */
async function namesOf(store: Store, call: Call): Promise<readonly string[]> {
  const one = definitionNamed(call)
  if (call.words[0] !== one.name || one.kind === 'processor') return [call.words[0]!]
  if (one.kind === 'process') return [processSubscription(one)]
  if (one.kind === 'sql-projection') return [subscriptionOf(one)]
  return (await store.readModel.tables()).filter(table => projectionOf(table) === ownName(one))
}

/** The subscription to reset: for a projection, that of the table of its current version. */
async function currentOf(store: Store, one: Exclude<Followed, ProcessSpec>): Promise<string> {
  if (one.kind === 'processor') return one.name
  if (one.kind === 'sql-projection') return subscriptionOf(one)
  const serving = await store.readModel.serving(one.name)
  return serving !== null && isTableOf(one, serving) ? serving : tableOf(one)
}

export const parkedVerb: Verb = {
  takes: '[NAME]',
  does: 'show the keys and streams of projections and processors that are parked, or in retry',
  json: true,
  run: showParked,
}
export const unparkVerb: Verb = {
  takes: 'NAME [KEY]',
  does: 'handle parked keys again, after the cause is fixed',
  json: true,
  run: unpark,
}
export const skipVerb: Verb = {
  takes: 'NAME KEY',
  does: 'skip the event at which a key is parked',
  json: true,
  run: skip,
}
export const rebuildVerb: Verb = {
  takes: 'NAME',
  does: 'fill a projection again, beside the rows that serve until then',
  json: true,
  run: rebuildTable,
}
export const resetVerb: Verb = {
  takes: 'NAME',
  does: 'make a projection or a processor begin again, also in a running server',
  options: { position: { takes: 'N', does: 'a processor: after this position; later events are handled again' } },
  json: true,
  run: reset,
}
export const auditVerb: Verb = {
  takes: 'NAME',
  does: 'fold a sample of keys again and compare; exits with 1 if rows differ',
  options: { keys: { takes: 'N', does: `how many keys (default: ${AUDIT_KEYS})` } },
  json: true,
  run: auditRows,
}
