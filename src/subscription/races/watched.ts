// A store that tells what its node does with leases, and stops the node where a race wants it stopped. The planted bugs are here, too.
import { setImmediate as turn } from 'node:timers/promises'
import type { NewPage } from '../../ports/read-model/progress.ts'
import type { ReadModel } from '../../ports/read-model/read-model.ts'
import type { Store } from '../../ports/store/store.ts'
import { bound } from '../../test-support/bound.ts'
import type { Leased } from './checker.ts'

/**
 * Where a node stops itself: folded and not written, on its way, within the transaction, when it renews its lease, when something is on its
 * way to the log, or when what it sent is about to be forgotten. What is sent is nobody's: its name is `log` or `agenda`.
 */
export type Point =
  | 'before the commit'
  | 'while it commits'
  | 'in the transaction'
  | 'at the renewal'
  | 'while it sends'
  | 'before it forgets'
export type Stop = { readonly at: Point; readonly name: string }

/**
 * Ways to be broken. `no fence`: any page is written wherever the checkpoint is. `fenced by position`: by whoever knows where it is,
 * whatever the epoch. `rows first`: the checkpoint follows in a transaction of its own. `twice`: what was answered by an error is said
 * again as if nothing had happened.
 */
const LEASE_PLANTS = ['no fence', 'fenced by position', 'rows first', 'twice'] as const
export type LeasePlant = (typeof LEASE_PLANTS)[number]

/** A plant that is one of these; the others are planted into sources. */
export function leasePlant(name: string | null): LeasePlant | null {
  return LEASE_PLANTS.find(one => one === name) ?? null
}

export type WatchOptions = {
  readonly who: string
  readonly tell: (said: Leased) => void
  /** Stops this process, once, if it is to stop here; tells so before. */
  readonly stopAt: (point: Point, name: string) => void
  readonly plant: LeasePlant | null
}

export function watchStore(store: Store, watching: WatchOptions): Store {
  const readModel = watchedModel(store.readModel, watching)
  const { stopAt } = watching
  const agenda = bound(store.agenda, {
    done: done => {
      stopAt('before it forgets', 'agenda')
      return store.agenda.done(done)
    },
  })
  const append: Store['append'] = async units => {
    const appending = store.append(units)
    appending.catch(() => {})
    await turn()
    stopAt('while it sends', 'log')
    return appending
  }
  return bound(store, { readModel, agenda, append })
}

function watchedModel(real: ReadModel, { who, tell, stopAt, plant }: WatchOptions): ReadModel {
  const commit = plantBug(real, plant)

  async function commitAndTell(page: NewPage): Promise<boolean> {
    const { name, epoch, from, to } = page
    const said = { who, did: 'commit', name, epoch, from, to } as const
    try {
      const committing = commit(page)
      committing.catch(() => {})
      await turn()
      stopAt('while it commits', name)
      const kept = await committing
      tell({ ...said, kept })
      return kept
    } catch (error) {
      tell({ ...said, kept: null })
      throw error
    }
  }

  return bound(real, {
    acquire: async (name, options) => {
      const lease = await real.acquire(name, options)
      if (lease) tell({ who, did: 'acquire', name, epoch: lease.epoch, position: lease.position })
      return lease
    },
    renew: (name, epoch, ttlMs) => {
      stopAt('at the renewal', name)
      return real.renew(name, epoch, ttlMs)
    },
    commit: page => {
      stopAt('before the commit', page.name)
      const { run } = page
      if (!run) return commitAndTell(page)
      const stopInTransaction = (result: unknown): unknown => {
        stopAt('in the transaction', page.name)
        return result
      }
      return commitAndTell({
        ...page,
        run: sql => {
          const result = run(sql)
          return result instanceof Promise ? result.then(stopInTransaction) : stopInTransaction(result)
        },
      })
    },
  })
}

function plantBug(real: ReadModel, plant: LeasePlant | null): ReadModel['commit'] {
  const now = async (name: string) => (await real.progress([name]))[0]!
  switch (plant) {
    case 'no fence':
      return async page => {
        const { epoch, position } = await now(page.name)
        return real.commit({ ...page, epoch, from: position, to: Math.max(position, page.to) })
      }
    case 'fenced by position':
      return async page => real.commit({ ...page, epoch: (await now(page.name)).epoch })
    case 'rows first':
      return async page => {
        const before = await real.commit({ ...page, to: page.from })
        await Bun.sleep(HALVES_MS)
        return before && real.commit({ ...page, rows: [], run: () => {} })
      }
    case 'twice':
      return async page => {
        try {
          return await real.commit(page)
        } catch {
          const { epoch, position } = await now(page.name)
          return real.commit({ ...page, epoch, from: position, to: Math.max(position, page.to) })
        }
      }
    case null:
      return page => real.commit(page)
  }
}
/** Long enough for a kill to come in between. */
const HALVES_MS = 20
