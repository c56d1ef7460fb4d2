// The path of a question: wait until rows are as new as asked for, read them, and say what the answer depends on.
import type { Answer, Filling } from '../cache/fill.ts'
import { spec } from '../event/events.ts'
import { canonical } from '../event/payload.ts'
import { applied, touches } from '../projection/fold.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import type { QuerySpec } from '../query/query.ts'
import type { StoredRow } from '../read-model/read-model.ts'
import type { Store } from '../store/store.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'
import type { Trace } from '../trace/trace.ts'
import type { Kept } from '../subscription/view.ts'
import { count, list, type ListBy, shownRow, tagsOf, type Where } from './rows.ts'

/** How new an answer has to be: it includes all up to a position, for which it waits so long. */
export type Fresh = { readonly atLeast: number; readonly waitMs: number }
export const WHATEVER: Fresh = { atLeast: 0, waitMs: 0 }

/** An answer as JSON text, and the position of the read model before its rows were read. */
export type Answered = { readonly text: string; readonly position: number; readonly tags: readonly string[] }
/** A row: `at` is the position of the last event folded into it, `parked` that of one that could not be. */
export type RowAnswered = Answered & { readonly at: number; readonly parked: number | null; readonly table: string }

/** An answer to a query: `cache` says where from, null: it has no policy. */
export type QueryAnswered = Omit<Answer, 'cache'> & { readonly cache: Answer['cache'] | null }

/** Rows that are not as new as asked for, or not there yet. */
export class Behind extends Error {
  readonly projection: string
  readonly position: number
  readonly lagEvents: number
  /** What is in the way: rows still being made, or an event that could not be folded. */
  readonly reason: 'behind' | 'not-ready' | 'parked'
  constructor(projection: string, reason: Behind['reason'], position: number, lagEvents: number) {
    super(`${projection} is at ${position}, ${lagEvents} events behind: ${reason}`)
    this.projection = projection
    this.reason = reason
    this.position = position
    this.lagEvents = lagEvents
  }
}

const LIVE_PAGE = 1_000

export class Answers {
  readonly #store: Store
  readonly #subscriptions: Subscriptions
  readonly #filling: Filling

  readonly #trace: Trace

  constructor(store: Store, subscriptions: Subscriptions, filling: Filling, trace: Trace) {
    this.#trace = trace
    this.#store = store
    this.#subscriptions = subscriptions
    this.#filling = filling
  }

  /** One row; null: there is none. Rejects with Behind. */
  async row(projection: ProjectionSpec, key: string, fresh: Fresh): Promise<RowAnswered | null> {
    if (projection.live) return this.#live(projection, key)
    const { table } = await this.#kept(projection, fresh)
    const { found, position } = await this.#store.readModel.get(table, key)
    const parked = found ? found.parked : await this.#parkedWithoutRow(table.name, key, fresh)
    if (parked !== null && fresh.atLeast >= parked) throw new Behind(projection.name, 'parked', position, 0)
    if (!found) return null
    const tags = tagsOf(table, { key })
    return { text: shownRow(key, found.data), position, tags, at: found.position, parked, table: table.name }
  }

  /** One page of a list, as `{"items":[…],"next":…,"position":…}`. Rejects with Behind, or BadList. */
  async list(
    projection: ProjectionSpec,
    where: Where,
    by: ListBy & { readonly count?: boolean },
    fresh: Fresh,
  ): Promise<Answered> {
    const { table } = await this.#kept(projection, fresh)
    const many = by.count ? await count(this.#store.readModel, table, where) : null
    const page = await list(this.#store.readModel, table, where, by)
    const position = Math.min(page.position, many?.position ?? page.position)
    const parts = [
      `"items":[${page.rows.map(row => shownRow(row.key, row.data)).join(',')}]`,
      `"next":${JSON.stringify(page.next)}`,
      ...(many ? [`"count":${many.found}`] : []),
      `"position":${position}`,
    ]
    return { text: `{${parts.join(',')}}`, position, tags: tagsOf(table, { where }) }
  }

  /** What a query answers, from the cache where its policy allows. Rejects with Behind. */
  async ask(query: QuerySpec, params: unknown, fresh: Fresh): Promise<QueryAnswered> {
    const build = async (atLeast: number) => {
      const { text, position, tags } = await this.#made(query, params, { ...fresh, atLeast })
      return { body: text, etag: `"${Bun.hash.xxHash64(text).toString(36)}"`, position, tags }
    }
    if (!query.cache) return { ...(await build(fresh.atLeast)), cache: null, ageMs: 0, freshUntil: 0 }
    return this.#filling.answer(this.#keyOf(query, params), query.cache, fresh.atLeast, {
      build,
      current: () => this.#current(),
    })
  }

  /** What else an answer depends on than its parameters: the log, the tables that serve, and the query as it is written. */
  #keyOf(query: QuerySpec, params: unknown): string {
    const { id, epoch } = this.#store.identity
    const code = Bun.hash.xxHash64(`${query.run}`).toString(36)
    return `${id}.${epoch}/${this.#subscriptions.tables}/${query.name}.${code}?${canonical(params)}`
  }

  /** A position at or above every commit of a read model so far. */
  async #current(): Promise<number> {
    const progress = await this.#store.readModel.progress()
    return Math.max(0, ...progress.map(({ position }) => position))
  }

  async #made(query: QuerySpec, params: unknown, fresh: Fresh): Promise<Answered> {
    const tags = new Set([query.name, ...(query.cache?.tags(params) ?? [])])
    let position = Number.POSITIVE_INFINITY
    const seen = (at: number, read: readonly string[]) => {
      position = Math.min(position, at)
      for (const tag of read) tags.add(tag)
    }
    const run = () => query.run(params, projection => this.#rows(projection[spec], fresh, seen))
    const answer = await this.#trace.step('query', [this.#trace.current()], { 'emaki.query': query.name }, run)
    const text = JSON.stringify(answer ?? null)
    return { text, position: Number.isFinite(position) ? position : fresh.atLeast, tags: [...tags] }
  }

  #rows(projection: ProjectionSpec, fresh: Fresh, seen: (position: number, tags: readonly string[]) => void): object {
    const parsed = ({ key, data }: Pick<StoredRow, 'key' | 'data'>) => ({ key, ...(JSON.parse(data) as object) })
    return {
      get: async (key: string) => {
        const row = await this.row(projection, key, fresh)
        if (projection.live) return row && (JSON.parse(row.text) as unknown)
        const { table, subscription } = await this.#kept(projection, fresh)
        seen(row?.position ?? subscription.position, [...tagsOf(table, { key }), table.name])
        return row && (JSON.parse(row.text) as unknown)
      },
      list: async (where: Where = {}, by: ListBy = {}) => {
        const { table } = await this.#kept(projection, fresh)
        const page = await list(this.#store.readModel, table, where, by)
        seen(page.position, [...tagsOf(table, { where }), table.name])
        return page.rows.map(parsed)
      },
      count: async (where: Where = {}) => {
        const { table } = await this.#kept(projection, fresh)
        const { found, position } = await count(this.#store.readModel, table, where)
        seen(position, [...tagsOf(table, { where }), table.name])
        return found
      },
    }
  }

  /** The table that serves a projection, once it is as new as asked for. */
  async #kept({ name }: ProjectionSpec, { atLeast, waitMs }: Fresh): Promise<Kept> {
    const { serving } = this.#subscriptions.view(name)
    if (!serving) throw new Behind(name, 'not-ready', 0, 0)
    const { subscription } = serving
    if (subscription.position >= atLeast) return serving
    if (await this.#subscriptions.reached(subscription, atLeast, AbortSignal.timeout(waitMs))) return serving
    throw new Behind(name, 'behind', subscription.position, atLeast - subscription.position)
  }

  async #parkedWithoutRow(table: string, key: string, { atLeast }: Fresh): Promise<number | null> {
    if (atLeast === 0) return null
    const parked = await this.#store.readModel.parked(table)
    return parked.find(one => one.kind === 'key' && one.key === key)?.position ?? null
  }

  /** The row of a live projection: its instance's stream, folded now. */
  async #live(projection: ProjectionSpec, key: string): Promise<RowAnswered | null> {
    let row: object | null = null
    let at = 0
    for (const category of projection.families.keys()) {
      for (let after = 0; ; ) {
        const page = await this.#store.read(`${category}-${key}`, { after, limit: LIVE_PAGE })
        for (const stored of page)
          for (const touch of touches(projection, stored)) {
            row = applied(projection, row, touch)
            at = stored.position
          }
        if (page.length < LIVE_PAGE) break
        after = page.at(-1)!.version
      }
    }
    return row && { text: shownRow(key, JSON.stringify(row)), position: at, tags: [], at, parked: null, table: projection.name }
  }
}
