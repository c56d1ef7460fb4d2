// agenda and timers: the commands and timers that are sent now or later.
import type { Command } from '../definitions/decider/command.ts'
import { spec } from '../definitions/event/events.ts'
import { subscriptionOf } from '../definitions/process/instance.ts'
import type { ProcessSpec } from '../definitions/process/process.ts'
import { scheduleOwner } from '../definitions/schedule.ts'
import type { AgendaEntry } from '../ports/agenda/agenda.ts'
import type { Store } from '../ports/store/store.ts'
import { isPause } from '../subscription/pausing.ts'
import { OWNER as COMMANDS } from '../agenda/schedule.ts'
import { limitOf, limitOption, hintMore } from './listed.ts'
import { withStore } from './opened.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { formatDuration } from './progress.ts'
import { table } from './table.ts'
import { type Call, Misused, type Verb } from './verb.ts'

export const agendaVerb: Verb = {
  takes: '[OWNER]',
  does: 'show outgoing and scheduled commands and timers, by owner (a process, a schedule, or commands), the earliest first',
  options: { limit: limitOption },
  json: true,
  run: agenda,
}
export const timersVerb: Verb = {
  takes: '[PROCESS]',
  does: 'show timers that are set, the earliest first',
  options: { limit: limitOption },
  json: true,
  run: timers,
}

/** The processes that an app serves. */
export function processesOf({ serve }: Pick<Call, 'serve'>): readonly ProcessSpec[] {
  return serve.map(one => one[spec] as unknown as ProcessSpec).filter(({ kind }) => kind === 'process')
}

/** A process by its name. */
export function processOf(call: Pick<Call, 'serve'>, name: string): ProcessSpec {
  const all = processesOf(call)
  const found = all.find(one => one.name === name)
  if (!found) throw new Misused(`there is no process ${plain(name)}; there are ${all.map(one => one.name).join(', ') || 'none'}`)
  return found
}

/** The owner of the entries of a schedule or a process. */
function ownerNamed(call: Call, name: string): string {
  const isSchedule = call.serve.some(({ [spec]: one }) => one.kind === 'schedule' && one.name === name)
  return isSchedule ? scheduleOwner({ name }) : subscriptionOf(processOf(call, name))
}

async function agenda(call: Call): Promise<number> {
  const [[name], limit] = [call.words, limitOf(call.values)]
  const owner = name === undefined || name === COMMANDS ? name : ownerNamed(call, name)
  const { owners, entries } = await withStore(call, async store => ({
    owners: await readOwners(store, owner),
    entries: await store.agenda.list({ ...(owner !== undefined && { owner }), limit }),
  }))
  if (call.json) console.log(JSON.stringify({ owners: owners.map(named), entries: entries.map(entryOf) }))
  else if (owners.length === 0) console.log('nothing is to be sent')
  else {
    const { bold, yellow } = paintFor()
    const counts = owners.map(named).map(one => {
      const state = one.isPaused ? yellow('paused') : 'ok'
      return [one.owner, ...[one.pending, one.timers, one.due].map(String), state]
    })
    console.log(table(['OWNER', 'PENDING', 'TIMERS', 'DUE NOW', 'STATE'].map(bold), counts))
    console.log(`\n${entriesTable(entries)}`)
    printEntries(entries, limit)
  }
  return 0
}

/** Reads how many entries each owner has, and whether it is paused. */
async function readOwners({ agenda, readModel }: Store, owner: string | undefined) {
  const paused = new Set((await readModel.leases()).filter(isPause).map(({ name }) => name))
  const owners = (await agenda.count()).filter(one => owner === undefined || one.owner === owner)
  return owners.map(one => ({ ...one, isPaused: paused.has(one.owner) }))
}

async function timers(call: Call): Promise<number> {
  const [[name], limit] = [call.words, limitOf(call.values)]
  const owner = name === undefined ? {} : { owner: subscriptionOf(processOf(call, name)) }
  const entries = await withStore(call, store => store.agenda.list({ ...owner, timers: true, limit }))
  if (call.json) console.log(JSON.stringify(entries.map(entryOf)))
  else console.log(entries.length ? entriesTable(entries) : 'no timer is set')
  if (!call.json) printEntries(entries, limit)
  return 0
}

function printEntries(entries: readonly AgendaEntry[], limit: number): void {
  if (entries.length === limit) hintMore(`--limit ${limit * 2}`)
}

/** Entries as a table: due time, owner, and content. */
export function entriesTable(entries: readonly AgendaEntry[], now: number = Date.now()): string {
  const { bold, yellow } = paintFor()
  const rows = entries.map(entryOf).map(({ due, owner, kind, key, timer, command, hasBegun }) => {
    const ms = Date.parse(due) - now
    const when = hasBegun
      ? 'being sent'
      : ms > 0
        ? `in ${formatDuration(ms / 1_000)}`
        : yellow(`since ${formatDuration(-ms / 1_000)}`)
    const what = [timer ?? '', command ? `${command.decider}.${command.command} ${command.id}` : ''].filter(Boolean).join(': ')
    return [due, when, owner, kind, plain(key), plain(what)]
  })
  return table(['DUE', 'WHEN', 'OWNER', 'KIND', 'KEY', 'WHAT'].map(bold), rows)
}

/** An entry as the command line shows it. */
export type ShownEntry = Pick<AgendaEntry, 'id' | 'key' | 'timer' | 'due' | 'set' | 'madeAt' | 'hasBegun'> & {
  /** The name of a process or a schedule, or `commands`. */
  readonly owner: string
  /** `scheduled`: a client scheduled the command. `outgoing`: a process or a schedule sends it. */
  readonly kind: 'timer' | 'scheduled' | 'outgoing'
  readonly command: Command | null
}

export function entryOf({ id, owner, key, timer, command, due, set, madeAt, hasBegun }: AgendaEntry): ShownEntry {
  const kind = timer !== null ? 'timer' : owner === COMMANDS ? 'scheduled' : 'outgoing'
  // The agenda stores only commands of this shape.
  const parsed = command === null ? null : (JSON.parse(command) as Command)
  return { id, ...named({ owner }), kind, key, timer, command: parsed, due, set, madeAt, hasBegun }
}

/** Replaces the name of a subscription by that of its process or schedule. */
function named<T extends { readonly owner: string }>(one: T): T {
  return { ...one, owner: one.owner.replace(/^(process|schedule)_/, '') }
}
