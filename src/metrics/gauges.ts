// What is read when somebody asks: the process, the log, and the subscriptions.
import { readdir } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { keepFor } from '../lib/keep-for.ts'
import { VERSION } from './version.ts'
import type { Agenda, AgendaCount } from '../ports/agenda/agenda.ts'
import type { Status } from '../subscription/status.ts'
import type { Meter } from '../ports/metrics/meter.ts'
import type { Metrics } from './registry.ts'

/** How old a status may be that a scrape is answered with, in ms: the status reads from the store. */
const STATUS_KEEP_MS = 1_000

export type RuntimeReads = {
  readonly status: () => Promise<readonly Status[]>
  /** The position of the last event that is known. */
  readonly head: () => number
  /** How many commands wait for their outcome. */
  readonly waiting: () => number
  /** How long the oldest of them waits, in ms. */
  readonly waitingMs: () => number
}

type ReadableAgenda = Pick<Agenda, 'count' | 'due'>

/** Has the metrics of a runtime read when somebody asks. Gives a function that ends it. */
export function observeRuntime(
  metrics: Metrics,
  agenda: ReadableAgenda,
  { status, head, waiting, waitingMs }: RuntimeReads,
): () => void {
  metrics.observe(['emaki.command.waiting', 'emaki.command.waiting.time', 'emaki.log.head'], () => ({
    'emaki.command.waiting': one(waiting()),
    'emaki.command.waiting.time': one(waitingMs() / 1_000),
    'emaki.log.head': one(head()),
  }))
  observeSubscriptions(metrics, keepFor(STATUS_KEEP_MS, status))
  observeAgenda(
    metrics,
    keepFor(STATUS_KEEP_MS, () => readAgenda(agenda)),
  )
  const endProcess = observeProcess(metrics)
  return () => {
    endProcess()
    metrics.endObserving()
  }
}

function one(value: number) {
  return [{ values: [] as const, value }]
}

/** What waits in the agenda for one of its owners. `dueSeconds`: how long the oldest due entry is due. */
type Outstanding = { readonly owner: string; readonly due: number; readonly later: number; readonly dueSeconds: number }

async function readAgenda(agenda: ReadableAgenda): Promise<readonly Outstanding[]> {
  const read = async ({ owner, pending, due }: AgendaCount): Promise<Outstanding> => {
    const { entries, now } = due > 0 ? await agenda.due(owner, 1) : { entries: [], now: 0 }
    const [oldest] = entries
    return { owner, due, later: pending - due, dueSeconds: oldest ? (now - Date.parse(oldest.due)) / 1_000 : 0 }
  }
  return Promise.all((await agenda.count()).map(read))
}

function observeAgenda(metrics: Meter, outstanding: () => Promise<readonly Outstanding[]>): void {
  metrics.observe(['emaki.agenda.due', 'emaki.agenda.due.time', 'emaki.agenda.later'], async () => {
    const found = await outstanding()
    const by = (of: (one: Outstanding) => number) => found.map(one => ({ values: [one.owner] as const, value: of(one) }))
    return {
      'emaki.agenda.due': by(({ due }) => due),
      'emaki.agenda.due.time': by(({ dueSeconds }) => dueSeconds),
      'emaki.agenda.later': by(({ later }) => later),
    }
  })
}

function observeSubscriptions(metrics: Meter, status: () => Promise<readonly Status[]>): void {
  const flag = (is: boolean) => (is ? 1 : 0)
  const names = [
    'emaki.subscription.lag',
    'emaki.subscription.position',
    'emaki.subscription.lag.time',
    'emaki.subscription.parked',
    'emaki.subscription.retrying',
    'emaki.subscription.owner',
    'emaki.subscription.paused',
    'emaki.subscription.failing',
    'emaki.rebuild.progress',
  ] as const
  metrics.observe(names, async () => {
    const known = await status()
    // A schedule reads no log: it can only have an owner, or be paused.
    const all = known.filter(({ definition }) => definition.kind !== 'schedule')
    const by = (of: (one: Status) => number, from: readonly Status[] = all) =>
      from.map(one => ({ values: [one.name] as const, value: of(one) }))
    const byKind = (of: (one: Status) => number) =>
      all.map(one => ({ values: [one.name, one.definition.kind] as const, value: of(one) }))
    return {
      'emaki.subscription.lag': byKind(({ lagEvents }) => lagEvents),
      'emaki.subscription.position': byKind(({ position }) => position),
      'emaki.subscription.lag.time': byKind(({ lagSeconds }) => lagSeconds),
      'emaki.subscription.parked': all.flatMap(({ name, parkedKeys, parkedStreams }) => [
        { values: [name, 'key'] as const, value: parkedKeys },
        { values: [name, 'stream'] as const, value: parkedStreams },
      ]),
      'emaki.subscription.retrying': by(({ retrying }) => retrying),
      'emaki.subscription.owner': by(({ isOwner }) => flag(isOwner), known),
      'emaki.subscription.paused': by(({ isPaused }) => flag(isPaused), known),
      'emaki.subscription.failing': by(({ failure }) => flag(failure !== null)),
      'emaki.rebuild.progress': by(
        ({ position, lagEvents }) => position / Math.max(1, position + lagEvents),
        all.filter(({ isServing }) => !isServing),
      ),
    }
  })
}

function observeProcess(metrics: Meter): () => void {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  const seconds = (ns: number) => one(Number.isFinite(ns) ? ns / 1e9 : 0)
  metrics.observe(['nodejs.eventloop.delay.p50', 'nodejs.eventloop.delay.p99', 'nodejs.eventloop.delay.max'], () => {
    const read = {
      'nodejs.eventloop.delay.p50': seconds(delay.percentile(50)),
      'nodejs.eventloop.delay.p99': seconds(delay.percentile(99)),
      'nodejs.eventloop.delay.max': seconds(delay.max),
    }
    delay.reset()
    return read
  })
  metrics.observe(['process.cpu.time', 'process.memory.usage', 'process.uptime', 'emaki.build.info'], () => {
    const { user, system } = process.cpuUsage()
    return {
      'process.cpu.time': [
        { values: ['user'] as const, value: user / 1e6 },
        { values: ['system'] as const, value: system / 1e6 },
      ],
      'process.memory.usage': one(process.memoryUsage.rss()),
      'process.uptime': one(process.uptime()),
      'emaki.build.info': [{ values: [VERSION, Bun.version] as const, value: 1 }],
    }
  })
  metrics.observe(['process.unix.file_descriptor.count'], async () => {
    const open = await countOpenFiles()
    return { 'process.unix.file_descriptor.count': open === null ? [] : one(open) }
  })
  return () => delay.disable()
}

/** How many files and sockets this process has open. Null: the system does not say it here. */
function countOpenFiles(): Promise<number | null> {
  return readdir('/proc/self/fd').then(
    names => names.length,
    () => null,
  )
}
