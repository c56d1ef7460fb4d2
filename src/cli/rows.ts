// Verbs on rows and their subscriptions: parked, unpark, skip, rebuild, reset, audit. All may run beside a server. Those
// on subscriptions are operations of the runtime, too.
import { printingOf } from '../config.ts'
import { memoryBus } from '../ports/bus/memory.ts'
import { runningOf } from '../definitions/definition.ts'
import { type ProjectionSpec, tableOf } from '../definitions/projection/projection.ts'
import { AUDIT_KEYS, audit } from '../subscription/audit.ts'
import { rebuild } from '../subscription/rebuild.ts'
import { tail } from '../subscription/tail.ts'
import { EXIT } from './exit-codes.ts'
import { operate, withStore } from './opened.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { type ProgressLine, progress } from './progress.ts'
import { withBreaches } from './breaches.ts'
import { rowBreach } from '../subscription/promises/row-check.ts'
import { table } from './table.ts'
import { type Call, Misused, numberOf, type Verb } from './verb.ts'
import { printReports } from '../ports/report/print.ts'

/** Shows parked keys and streams: all of them, or those of one projection or processor. */
function showParked(call: Call): Promise<number> {
  return operate(call, async ({ parked }) => {
    const found = await parked(call.words[0])
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
  const [name, key] = call.words
  if (name === undefined) throw new Misused('which projection or processor?')
  return operate(call, async ({ unpark }) => printMany(call, await unpark(name, key), 'will be handled again'))
}

/** Asks the owner of the subscription to skip the event at which a key is parked, and to handle the events after it. */
function skip(call: Call): Promise<number> {
  const [name, key] = call.words
  if (name === undefined || key === undefined) throw new Misused('skip needs a name and a key')
  const done = 'will go on without the event at which it is parked'
  return operate(call, async ({ skip }) => printMany(call, await skip(name, key), done))
}

function printMany({ json }: Call, many: number, done: string): number {
  console.log(json ? JSON.stringify({ many }) : many === 0 ? 'nothing is parked there' : `${many} ${done}`)
  return 0
}

/** Fills a projection again, beside the table that serves. */
async function rebuildTable(call: Call): Promise<number> {
  const projection = projectionNamed(call)
  return withStore(call, async store => {
    const report = printReports(printingOf(call.config))
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
function reset(call: Call): Promise<number> {
  const [given] = call.words
  if (given === undefined) throw new Misused('which projection or processor?')
  const position = numberOf(call.values, 'position', 0) ?? undefined
  return operate(call, async ({ reset }) => {
    const name = await reset(given, position)
    const from = position ?? 0
    console.log(call.json ? JSON.stringify({ name, position: from }) : `${name} continues after ${from}`)
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
    await withBreaches(store, 'audit', async add => {
      for (const { key } of differences) await add(rowBreach(projection.name, name, key, position))
    })
    shown.end(`${keys} keys of ${name} compared up to ${position}, ${differences.length} differ, ${left} parked`)
    if (call.json) console.log(JSON.stringify(found))
    else
      for (const { key, stored, folded } of differences)
        console.log(`${key}\n  stored ${stored ?? 'nothing'}\n  folded ${folded ?? 'nothing'}`)
    return differences.length === 0 ? 0 : EXIT.PROBLEM
  })
}

function projectionNamed({ serve, words }: Call): ProjectionSpec {
  const all = serve.map(runningOf).filter((one): one is ProjectionSpec => one.kind === 'projection' && !one.live)
  const found = all.find(({ name }) => name === words[0])
  if (!found) throw new Misused(`which projection? There are ${all.map(({ name }) => name).join(', ') || 'none'}`)
  return found
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
  options: {
    position: {
      takes: 'N',
      does: 'a processor: after this position; later events are handled again, and commands of more than 30 days ago sent again',
    },
  },
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
