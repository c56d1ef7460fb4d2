// Fills a new table of a projection beside the serving one, and lets it serve once it has come as far.
import { foldFingerprint } from '../definitions/projection/fold-fingerprint.ts'
import { type ProjectionSpec, tableOf } from '../definitions/projection/projection.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'
import { untraced } from '../ports/trace/trace.ts'
import { Projector } from './projector/projector.ts'
import { Subscription } from './subscription.ts'
import type { Tail } from './tail.ts'
import { isTableOf } from './projection-versions.ts'

export type RebuildOptions = {
  readonly store: Store
  /** A tail that has started. */
  readonly tail: Tail
  readonly projection: ProjectionSpec
  /** How long the lease on the new table holds without renewal, in ms. */
  readonly leaseMs: number
  /** Called now and then with the position reached, and the head to reach. */
  readonly onProgress: (position: number, head: number) => void
  readonly report: Report
  readonly signal?: AbortSignal
}

const TELL_EVERY_MS = 200

/**
 * Rebuilds the table of a projection's version. Processes that serve the projection keep their table, and change over
 * within a second once the new one serves. Gives the new table's name. Null: the signal ended the rebuild, and the new
 * table is dropped. The table that served before is kept until the next rebuild. Throws a StoreError if the same table
 * is being rebuilt elsewhere, because each rebuild would drop the other's rows.
 */
export async function rebuild(options: RebuildOptions): Promise<string | null> {
  const { store, projection, leaseMs } = options
  const { readModel } = store
  const name = `rebuild_${tableOf(projection)}`
  const lease = await readModel.acquire(name, { owner: `${process.pid}.${Bun.randomUUIDv7()}`, ttlMs: leaseMs, start: 0 })
  if (!lease)
    throw new StoreError(
      'unavailable',
      `${projection.name} is being rebuilt already, or its rebuild ended less than ${leaseMs} ms ago`,
    )
  const what = `The rebuild of ${projection.name} could not renew its lease`
  const failing = new Episode({ report: options.report, what, mend: 'Begin no other rebuild of it meanwhile.' })
  const renew = () =>
    readModel.renew(name, lease.epoch, leaseMs).then(
      () => failing.succeed(),
      // If the store is away for so long, the lease ends by itself.
      error => failing.fail(error),
    )
  const renewing = setInterval(() => void renew(), leaseMs / 3)
  try {
    return await fillTable(options)
  } finally {
    clearInterval(renewing)
    await readModel.release(name, lease.epoch)
  }
}

async function fillTable(options: RebuildOptions): Promise<string | null> {
  const { store, tail, projection, leaseMs, onProgress, report, signal } = options
  const { readModel } = store
  const serving = await readModel.serving(projection.name)
  const before = (await readModel.tables()).filter(name => isTableOf(projection, name))
  for (const name of before) if (name !== serving && name !== tableOf(projection)) await readModel.drop(name)
  const table = { name: `${tableOf(projection)}_g${generationOf(projection, serving) + 1}`, indexes: projection.indexes }
  await readModel.prepare([table])
  const consumer = new Projector(store, projection, table, null, { report })
  const subscription = new Subscription({
    store,
    tail,
    name: table.name,
    filter: projection.filter,
    leaseMs,
    owner: `rebuild.${process.pid}.${Bun.randomUUIDv7()}`,
    consumer,
    fold: foldFingerprint(projection),
    trace: untraced,
    report,
    now: Date.now,
  })
  subscription.start()
  try {
    const hasServed = await serveOnceFilled()
    if (!hasServed) await readModel.drop(table.name)
    return hasServed ? table.name : null
  } finally {
    await subscription.close()
  }

  async function serveOnceFilled(): Promise<boolean> {
    for (let head = tail.head; !signal?.aborted; head = tail.head) {
      onProgress(subscription.handledTo, head)
      // A callback makes the subscription save checkpoints as soon as it can.
      const stop = subscription.onCheckpoint(() => {})
      await Bun.sleep(subscription.position < head ? TELL_EVERY_MS : 1)
      stop()
      if (subscription.position >= head && (await readModel.serve(projection.name, table.name))) return true
    }
    return false
  }
}

function generationOf(projection: ProjectionSpec, serving: string | null): number {
  const own = `${tableOf(projection)}_g`
  return serving?.startsWith(own) ? Number(serving.slice(own.length)) : 1
}
