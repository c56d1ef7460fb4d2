// What is read when somebody asks: the process, the log, and the subscriptions.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { VERSION } from './version.ts'
import type { Status } from '../subscription/status.ts'
import type { Metrics } from './registry.ts'

/** How old a status may be that a scrape is answered with, in ms: the status reads from the store. */
const STATUS_KEEP_MS = 1_000

export type Observed = {
  readonly status: () => Promise<readonly Status[]>
  /** The position of the last event that is known. */
  readonly head: () => number
  /** How many commands wait for their outcome. */
  readonly waiting: () => number
}

/** Has the metrics of a runtime read when somebody asks. Gives a function that ends it. */
export function observeRuntime(metrics: Metrics, { status, head, waiting }: Observed): () => void {
  metrics.observe(['emaki.command.waiting', 'emaki.log.head'], () => ({
    'emaki.command.waiting': one(waiting()),
    'emaki.log.head': one(head()),
  }))
  observeSubscriptions(metrics, status)
  return observeProcess(metrics)
}

function one(value: number) {
  return [{ values: [] as const, value }]
}

function observeSubscriptions(metrics: Metrics, status: () => Promise<readonly Status[]>): void {
  let known: { readonly at: number; readonly status: Promise<readonly Status[]> } | null = null
  const statusNow = () => {
    if (!known || performance.now() - known.at > STATUS_KEEP_MS) known = { at: performance.now(), status: status() }
    return known.status
  }
  const flag = (is: boolean) => (is ? 1 : 0)
  const names = [
    'emaki.subscription.lag',
    'emaki.subscription.lag.time',
    'emaki.subscription.parked',
    'emaki.subscription.retrying',
    'emaki.subscription.owner',
    'emaki.subscription.paused',
    'emaki.subscription.failing',
  ] as const
  metrics.observe(names, async () => {
    const known = await statusNow()
    // A schedule reads no log: it can only have an owner, or be paused.
    const all = known.filter(({ definition }) => definition.kind !== 'schedule')
    const by = (of: (one: Status) => number, from: readonly Status[] = all) =>
      from.map(one => ({ values: [one.name] as const, value: of(one) }))
    const byKind = (of: (one: Status) => number) =>
      all.map(one => ({ values: [one.name, one.definition.kind] as const, value: of(one) }))
    return {
      'emaki.subscription.lag': byKind(({ lagEvents }) => lagEvents),
      'emaki.subscription.lag.time': byKind(({ lagSeconds }) => lagSeconds),
      'emaki.subscription.parked': all.flatMap(({ name, parkedKeys, parkedStreams }) => [
        { values: [name, 'key'] as const, value: parkedKeys },
        { values: [name, 'stream'] as const, value: parkedStreams },
      ]),
      'emaki.subscription.retrying': by(({ retrying }) => retrying),
      'emaki.subscription.owner': by(({ isOwner }) => flag(isOwner), known),
      'emaki.subscription.paused': by(({ isPaused }) => flag(isPaused), known),
      'emaki.subscription.failing': by(({ failure }) => flag(failure !== null)),
    }
  })
}

function observeProcess(metrics: Metrics): () => void {
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
  return () => delay.disable()
}
