// A log for case after case. Opening a store costs far more than what a case does with it, so the store stays open, and the
// log is emptied after each case. A store that a case may have changed for the next one is closed with that case.
import { postgres } from '../adapters/postgres/store.ts'
import type { TestedReadModel } from '../ports/read-model/contract/case.ts'
import type { TestedStore } from '../ports/store/contract/case.ts'
import type { Store } from '../ports/store/store.ts'
import { emptyLog, type TestSchema } from './schema.ts'

/** What may leave a mark on an open store that does not go when its log is emptied. */
const MARKING: ReadonlySet<PropertyKey> = new Set(['announce', 'beginEpoch', 'close', 'import', 'takeTurn', 'watch'])

/** What a case has done with its store besides writing rows. `pending`: its calls that have not ended. */
export type Use = { isMarked: boolean; pending: number }

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
    const store = this.#idle ?? (await this.#open())
    this.#idle = null
    const use: Use = { isMarked: false, pending: 0 }
    const further: Store[] = []
    return {
      store: observe(store, use),
      reopen: async () => {
        use.isMarked = true
        const reopened = await this.#open()
        further.push(reopened)
        return reopened
      },
      // The database's time is its own: what is stored is moved instead.
      advance: ms => this.#move('keys', ms),
      close: async () => {
        const isKept = !use.isMarked && use.pending === 0 && !this.#idle
        if (isKept) await forgetTables(store)
        await Promise.all([...further, ...(isKept ? [] : [store])].map(store => store.close()))
        await emptyLog(await this.#at)
        if (isKept) this.#idle = store
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
      if (name === 'readModel' || name === 'agenda') return observe(member as object, use)
      if (typeof member !== 'function') return member
      return (...values: unknown[]) => {
        use.isMarked ||= MARKING.has(name)
        return count(Reflect.apply(member, target, values))
      }
    },
  })
}
