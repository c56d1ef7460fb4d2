// How many instances of each process are in each state. They are rows, so every node shows the same, whatever crashed.
import { instancesOf, subscriptionOf } from '../definitions/process/instance.ts'
import type { ProcessSpec } from '../definitions/process/process.ts'
import { sagas } from '../definitions/process/saga.ts'
import { tableOf } from '../definitions/projection/projection.ts'
import { background } from '../lib/turns.ts'
import type { Meter, Observation } from '../ports/metrics/meter.ts'
import type { ListOptions } from '../ports/read-model/rows.ts'
import type { Store } from '../ports/store/store.ts'
import { keepByCost } from './keep-by-cost.ts'

const NAME = 'emaki.process.instances'
const SLICE = 1_000
/** The work of an instance, in characters. */
const ROW_SIZE = 512
/** The state of an instance of a process manager: one that has ended is no row. */
const OPEN = 'open'

type Watched = { readonly metrics: Meter; readonly store: Pick<Store, 'readModel'>; readonly signal: AbortSignal }

/** Has the instances of processes counted when somebody asks, for at most a hundredth of the time. */
export function observeInstances({ metrics, store, signal }: Watched, processes: readonly ProcessSpec[]): void {
  if (processes.length === 0) return
  const read = keepByCost(async () => (await Promise.all(processes.map(one => countStates(store, one, signal)))).flat())
  metrics.observe([NAME], async () => ({ [NAME]: (await read()) ?? [] }))
}

async function countStates(
  { readModel }: Pick<Store, 'readModel'>,
  process: ProcessSpec,
  signal: AbortSignal,
): Promise<readonly Observation<typeof NAME>[]> {
  const isSaga = sagas.has(process)
  const table = { name: tableOf(instancesOf(process)), indexes: [] }
  // Nobody has begun it, or its instances are folded again.
  if ((await readModel.serving(subscriptionOf(process))) !== table.name) return []
  const states = new Map<string, number>(isSaga ? [] : [[OPEN, 0]])
  for (let after: ListOptions['after'] = null; ; ) {
    signal.throwIfAborted()
    const { found } = await readModel.list(table, { where: [], sort: [], after, limit: SLICE })
    for (const { data } of found) {
      const state = isSaga ? (JSON.parse(data) as { readonly state: { readonly status: string } }).state.status : OPEN
      states.set(state, (states.get(state) ?? 0) + 1)
    }
    if (found.length < SLICE) break
    if (background.isOver(SLICE * ROW_SIZE)) await background.next()
    after = { values: [], key: found.at(-1)!.key }
  }
  return [...states].map(([state, value]) => ({ values: [process.name, state], value }))
}
