// Where subscriptions begin that are new to a log. It is settled once, before anything is served, so that no crash and
// no other process changes it.
import { verbCommand } from '../lib/verb-command.ts'
import type { Definitions } from '../definitions/definition.ts'
import { subscriptionOf } from '../definitions/process/instance.ts'
import type { CompiledStart } from '../definitions/start.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'

type Starting = {
  readonly kind: 'process' | 'processor'
  readonly name: string
  readonly subscription: string
  readonly start: CompiledStart
}

/** A lease that is taken only to write the checkpoint lasts so long if this process ends meanwhile, in ms. */
const LEASE_MS = 1_000

/**
 * Settles where new processes and processors begin. Throws if one of them does not say so, and the
 * log is not empty: it would act for events of long ago, or miss them.
 */
export async function settleStarts(
  store: Store,
  definitions: Pick<Definitions, 'process' | 'processor'>,
  owner: string,
): Promise<void> {
  const all = startsOf(definitions)
  if (!all.length) return
  const { readModel } = store
  const known = new Set((await readModel.progress(all.map(({ subscription }) => subscription))).map(({ name }) => name))
  const starting = all.filter(({ subscription }) => !known.has(subscription))
  const head = starting.length ? await store.head() : 0
  const unsaid = starting.find(({ start }) => start === null && head > 0)
  if (unsaid) throw new StoreError('refused', unsaidText(unsaid, head))
  for (const { subscription, start } of starting) {
    const position = await positionOf(store, start ?? 'beginning', head)
    const lease = await readModel.acquire(subscription, { owner, ttlMs: LEASE_MS, start: position })
    if (lease) await readModel.release(subscription, lease.epoch)
  }
}

/** The starts that processes and processors say. */
export function startsOf({ process, processor }: Pick<Definitions, 'process' | 'processor'>): readonly Starting[] {
  return [
    ...[...process.values()].map(one => ({
      kind: one.kind,
      name: one.name,
      subscription: subscriptionOf(one),
      start: one.start,
    })),
    ...[...processor.values()].map(one => ({ kind: one.kind, name: one.name, subscription: one.name, start: one.start })),
  ]
}

function unsaidText({ kind, name }: Starting, head: number): string {
  const acts = kind === 'process' ? 'sends commands for' : 'handles'
  return (
    `the ${kind} ${name} is new, and the log already has events, up to position ${head}. ` +
    `Give it start: 'now', and it ${acts} only what happens from here on; ` +
    `or start: 'beginning', and it ${acts} everything that ever happened` +
    (kind === 'process' ? ` (\`${verbCommand('processes', 'preview', name)}\` shows what that is).` : '.') +
    ` A position, or { at: time }, lies between.`
  )
}

/** The position after which a start is, in a log with this head. */
export async function positionOf(
  store: Pick<Store, 'readAll'>,
  start: NonNullable<CompiledStart>,
  head: number,
): Promise<number> {
  if (start === 'beginning') return 0
  if (start === 'now') return head
  return typeof start === 'number' ? start : positionBefore(store, start.atMs, head)
}

/** The position before the first event at or after a time. Times never fall along the log. */
async function positionBefore(store: Pick<Store, 'readAll'>, atMs: number, head: number): Promise<number> {
  let [low, high] = [0, head]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [event] = await store.readAll({ after: middle, limit: 1 })
    if (event && Date.parse(event.at) < atMs) low = event.position
    else high = middle
  }
  return low
}
