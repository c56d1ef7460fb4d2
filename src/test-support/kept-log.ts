// A log for case after case. Opening a store costs far more than what a case does with it, so the last store that a case has
// opened stays open, and the log is emptied after each case. Where a case may have changed a store for the next one, all of
// its stores are closed.
import { postgres } from '../adapters/postgres/store.ts'
import type { TestedReadModel } from '../ports/read-model/contract/case.ts'
import type { TestedStore } from '../ports/store/contract/case.ts'
import type { Store } from '../ports/store/store.ts'
import { emptyLog, type TestSchema } from './schema.ts'

/** What may leave a mark on an open store that does not go when its log is emptied. */
const MARKING: ReadonlySet<PropertyKey> = new Set(['announce', 'beginEpoch', 'close', 'import', 'takeTurn', 'watch'])

/** The parts of a store that have calls of their own. */
const PARTS: ReadonlySet<PropertyKey> = new Set(['readModel', 'agenda', 'refusals', 'samples', 'promises'])

/** What a case has done with its stores besides writing rows. `pending`: its calls that have not ended. */
export type Use = { isMarked: boolean; hasDropped: boolean; pending: number }

export class KeptLog {
  readonly #at: Promise<TestSchema>
  readonly #url: Promise<string>
  #idle: Store | null = null

  /** `url` may lead to the schema through something else. */
  constructor(at: Promise<TestSchema>, url: Promise<string> = at.then(({ url }) => url)) {
    this.#at = at
    this.#url = url
  }

  /** An empty log, as the contract of stores wants it. */
  async openLog(): Promise<TestedStore> {
    const use: Use = { isMarked: false, hasDropped: false, pending: 0 }
    const opened = [this.#idle ?? (await this.#open())]
    this.#idle = null
    return {
      store: observe(opened[0]!, use),
      reopen: async () => {
        const store = await this.#open()
        opened.push(store)
        return observe(store, use)
      },
      // The database's time is its own: what is stored is moved instead.
      advance: ms => this.#moveAll(ms),
      close: async () => {
        // A store does not see which tables another one has dropped.
        const isChanged = use.isMarked || use.pending > 0 || (use.hasDropped && opened.length > 1)
        const kept = isChanged || this.#idle ? null : opened.pop()!
        if (kept) await forgetTables(kept)
        await Promise.all(opened.map(store => store.close()))
        await emptyLog(await this.#at)
        if (kept) this.#idle = kept
      },
    }
  }

  /** An empty read model, as the contract of read models wants it. */
  async openReadModel(): Promise<TestedReadModel> {
    const { store, reopen, close } = await this.openLog()
    const advance = (ms: number) => this.#move('leases', ms)
    return { readModel: store.readModel, reopen: async () => (await reopen()).readModel, advance, close }
  }

  async close(): Promise<void> {
    await this.#idle?.close()
    this.#idle = null
  }

  async drop(): Promise<void> {
    await this.close()
    await (await this.#at).drop()
  }

  async #open(): Promise<Store> {
    const store = postgres(await this.#url, { schema: (await this.#at).schema })
    await store.open()
    return store
  }

  async #moveAll(ms: number): Promise<void> {
    const { sql, schema } = await this.#at
    await this.#move('keys', ms)
    await this.#move('leases', ms)
    await sql`update ${sql(`${schema}.checkpoints`)} set saved_at = saved_at - ${ms} * interval '1 millisecond'`
  }

  async #move(table: 'keys' | 'leases', ms: number): Promise<void> {
    const { sql, schema } = await this.#at
    await sql`update ${sql(`${schema}.${table}`)} set until = until - ${ms} * interval '1 millisecond'`
  }
}

/** A store also knows the tables that it has prepared. */
async function forgetTables({ readModel }: Store): Promise<void> {
  for (const name of await readModel.tables()) await readModel.drop(name)
}

/** An empty log of a schema with a store of its own. */
export async function openLogIn(at: TestSchema): Promise<TestedStore> {
  const log = new KeptLog(Promise.resolve(at))
  const tested = await log.openLog()
  // Another store may still be open over it.
  await emptyLog(at)
  return {
    ...tested,
    close: async () => {
      await tested.close()
      await log.close()
    },
  }
}

/** A store, or a part of it, that notes in `use` what is done with it. */
export function observe<T extends object>(target: T, use: Use): T {
  const count = (result: unknown): unknown => {
    if (!(result instanceof Promise)) return result
    use.pending++
    const settle = () => void use.pending--
    result.then(settle, settle)
    return result
  }
  return new Proxy(target, {
    get: (_, name) => {
      const member: unknown = Reflect.get(target, name)
      if (PARTS.has(name)) return observe(member as object, use)
      if (typeof member !== 'function') return member
      return (...values: unknown[]) => {
        use.isMarked ||= MARKING.has(name)
        use.hasDropped ||= name === 'drop'
        return count(Reflect.apply(member, target, values))
      }
    },
  })
}
