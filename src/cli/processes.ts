// processes: the progress of each process manager, its instances, or one instance with its pending commands and timers.
// `processes preview` and `processes resume` are in files of their own.
import { verbCommand } from '../lib/verb-command.ts'
import { type ProcessInstance, instancesOf, subscriptionOf } from '../definitions/process/instance.ts'
import type { ProcessSpec } from '../definitions/process/process.ts'
import { tableOf } from '../definitions/projection/projection.ts'
import type { Parked } from '../ports/read-model/parked.ts'
import type { StoredRow } from '../ports/read-model/rows.ts'
import type { Table } from '../ports/read-model/tables.ts'
import type { Store } from '../ports/store/store.ts'
import { entriesTable, entryOf, processesOf, processOf } from './agenda.ts'
import { EXIT } from './exit-codes.ts'
import { limitOf, limitOption, hintMore } from './listed.ts'
import { withStore } from './opened.ts'
import { paintFor, plain, pretty } from '../lib/paint.ts'
import { previewProcess } from './preview.ts'
import { resumeInstance } from './resume.ts'
import { table } from './table.ts'
import { type Call, Misused, textOf, type Verb } from './verb.ts'

/** The most pending commands and timers that are shown of one instance. */
const ENTRIES_MAX = 1_000

export const processesVerb: Verb = {
  takes: '[NAME] [KEY] | preview NAME | resume NAME KEY',
  does: 'show processes, the instances of one, or one instance; show what a new process would send; or resume a stuck instance',
  options: {
    after: { takes: 'KEY', does: 'only instances after this one' },
    limit: limitOption,
    start: {
      takes: 'START',
      does: 'preview: beginning, now, a position or a time (default: that of the process, or the beginning)',
    },
    skip: { does: 'resume: take what was refused as done' },
    close: { does: 'resume: end the instance and its timers; its effects stay' },
  },
  json: true,
  run: call => {
    const [name, key, ...more] = call.words
    if (name === 'preview' && key !== undefined && !more.length) return previewProcess(call, processOf(call, key))
    if (name === 'resume' && key !== undefined) return resumeInstance(call, readInstance)
    if (more.length) throw new Misused(`processes does not take ${plain(more[0]!)}`)
    if (name === undefined) return all(call)
    const process = processOf(call, name)
    return key === undefined ? instances(call, process) : instance(call, process, key)
  },
}

async function all(call: Call): Promise<number> {
  const found = await withStore(call, async store => {
    const [head, counts, tables] = [await store.head(), await store.agenda.count(), await store.readModel.tables()]
    return Promise.all(
      processesOf(call).map(async process => {
        const of = subscriptionOf(process)
        const own = tableFor(process)
        const [progress] = await store.readModel.progress([of])
        const { pending = 0, timers = 0 } = counts.find(({ owner }) => owner === of) ?? {}
        const isThere = tables.includes(own.name)
        return {
          name: process.name,
          version: process.version,
          isServing: (await store.readModel.serving(of)) === own.name,
          position: progress?.position ?? 0,
          lagEvents: Math.max(0, head - (progress?.position ?? 0)),
          instances: isThere ? (await store.readModel.count(own, [])).found : 0,
          timers,
          commands: pending - timers,
          parked: (await store.readModel.parked(of)).length,
        }
      }),
    )
  })
  if (call.json) console.log(JSON.stringify(found))
  else if (found.length === 0) console.log('this app has no process managers')
  else {
    const { bold, red, yellow } = paintFor()
    const rows = found.map(one => [
      one.name,
      `${one.version}${one.isServing ? '' : yellow(' (has not begun)')}`,
      String(one.position),
      one.lagEvents > 0 ? yellow(String(one.lagEvents)) : '0',
      ...[one.instances, one.timers, one.commands].map(String),
      one.parked > 0 ? red(String(one.parked)) : '0',
    ])
    console.log(table(['NAME', 'VERSION', 'POSITION', 'LAG', 'INSTANCES', 'TIMERS', 'COMMANDS', 'PARKED'].map(bold), rows))
  }
  return 0
}

async function instances(call: Call, process: ProcessSpec): Promise<number> {
  const [limit, after] = [limitOf(call.values), textOf(call.values, 'after')]
  const place = after === undefined ? null : { values: [], key: after }
  const rows = await withStore(call, async store => {
    if (!(await hasBegun(store, process))) return []
    return (await store.readModel.list(tableFor(process), { where: [], sort: [], after: place, limit })).found
  })
  const found = rows.map(shown)
  const next = found.length === limit ? found.at(-1)!.key : null
  if (call.json) console.log(JSON.stringify({ instances: found, next }))
  else if (found.length === 0) console.log('there are no such instances')
  else {
    const { bold, red } = paintFor()
    const lines = found.map(({ key, position, timers, parked, state }) => [
      plain(key),
      `${position}${parked === null ? '' : red(` (parked at ${parked})`)}`,
      String(Object.keys(timers).length),
      plain(JSON.stringify(state)),
    ])
    console.log(table(['KEY', 'POSITION', 'TIMERS', 'STATE'].map(bold), lines))
    if (next !== null) hintMore(`--after ${plain(next)}`)
  }
  return 0
}

async function instance(call: Call, process: ProcessSpec, key: string): Promise<number> {
  const owner = subscriptionOf(process)
  const { row, entries, parked } = await withStore(call, async store => ({
    row: await readRow(store, process, key),
    entries: await store.agenda.list({ owner, key, limit: ENTRIES_MAX }),
    parked: (await store.readModel.parked(owner)).find(one => one.kind === 'key' && one.key === key) ?? null,
  }))
  if (!row && entries.length === 0 && !parked) {
    console.error(`${process.name} has no instance ${plain(key)}, or it has ended`)
    return EXIT.INPUT
  }
  const one = row && shown(row)
  if (call.json)
    console.log(JSON.stringify({ key, state: null, position: 0, timers: {}, ...one, parked, pending: entries.map(entryOf) }))
  else {
    const { bold } = paintFor()
    console.log(
      one
        ? `${bold('STATE')} after position ${one.position}\n${pretty(one.state)}`
        : 'it has no state: it has not begun, or it has ended',
    )
    const stuckBy = one && process.stuckBy(one.state)
    if (stuckBy)
      console.log(
        paintFor().red(`stuck: ${plain(stuckBy)}; run \`${plain(verbCommand('processes', 'resume', process.name, key))}\``),
      )
    if (parked) console.log(parkedText(parked))
    console.log(entries.length ? `\n${entriesTable(entries)}` : '\nno timer is set, and no command is pending')
  }
  return 0
}

function parkedText({ position, cause, at }: Parked): string {
  return paintFor().red(`parked at ${position} since ${at}: ${plain(cause)}`)
}

function shown({ key, position, data, parked }: StoredRow) {
  // The rows of a process are its instances.
  const { state, timers } = JSON.parse(data) as ProcessInstance
  return { key, position, state, timers, parked }
}

function tableFor(process: ProcessSpec): Table {
  return { name: tableOf(instancesOf(process)), indexes: [] }
}

async function readRow(store: Store, process: ProcessSpec, key: string): Promise<StoredRow | null> {
  return (await hasBegun(store, process)) ? (await store.readModel.get(tableFor(process), key)).found : null
}

async function readInstance(store: Store, process: ProcessSpec, key: string): Promise<ProcessInstance | null> {
  const row = await readRow(store, process, key)
  // The rows of a process are its instances.
  return row && (JSON.parse(row.data) as ProcessInstance)
}

async function hasBegun(store: Store, process: ProcessSpec): Promise<boolean> {
  return (await store.readModel.tables()).includes(tableFor(process).name)
}
