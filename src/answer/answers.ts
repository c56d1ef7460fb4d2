// The path of a question: wait until rows are as new as asked for, read them, and say what the answer depends on.
import type { Answer, Filling } from '../cache/fill.ts'
import { issuesText, spec } from '../event/events.ts'
import { canonical } from '../event/payload.ts'
import { applied, encodedRow, touches } from '../projection/fold.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import type { QuerySpec } from '../query/query.ts'
import type { StoredRow, Table } from '../read-model/read-model.ts'
import { inSequence } from '../store/sequence.ts'
import type { Store } from '../store/store.ts'
import type { Subscription } from '../subscription/subscription.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'
import type { Trace } from '../trace/trace.ts'
import { count, list, type ListBy, shownRow, tagsOf, type Where } from './rows.ts'

/** How new an answer has to be: it includes all up to a position, for which it waits so long. */
export type Fresh = { readonly atLeast: number; readonly waitMs: number }
export const WHATEVER: Fresh = { atLeast: 0, waitMs: 0 }

/** An answer as JSON text, and the position of the read model before its rows were read. */
export type Answered = { readonly text: string; readonly position: number; readonly tags: readonly string[] }
/** A row: `at` is the position of the last event folded into it, `parked` that of one that could not be. */
export type RowAnswered = Answered & { readonly at: number; readonly parked: number | null; readonly table: string }
/** A list: `items` is the part of the text that was asked for, without the position, which changes with every event of the log. */
export type ListAnswered = Answered & { readonly items: string }

/** An answer to a query: `cache` says where from, null: it has no policy. */
export type QueryAnswered = Omit<Answer, 'cache'> & { readonly cache: Answer['cache'] | null }

/** Rows that are not as new as asked for, or not there yet. */
export class Behind extends Error {
  readonly projection: string
  readonly position: number
  /** What was asked for. */
  readonly atLeast: number
  /** What is in the way: rows still being made, or an event that could not be folded. */
  readonly reason: 'behind' | 'not-ready' | 'parked'
  constructor(projection: string, reason: Behind['reason'], position: number, atLeast: number) {
    super(`${projection} is at ${position}, asked for at ${atLeast}: ${reason}`)
    this.projection = projection
    this.reason = reason
    this.position = position
    this.atLeast = atLeast
  }

  get lagEvents(): number {
    return Math.max(0, this.atLeast - this.position)
  }
}

/** Answers are held against their schemas outside of production, where a test finds what does not fit. */
const CHECKS = Bun.env['NODE_ENV'] !== 'production'
const LIVE_PAGE = 1_000
/** How often an answer is asked for in company, before it is made for this caller alone. */
const ROUNDS_MAX = 3

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
    const { table, found, parked, position } = await this.#row(projection, key, fresh)
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
  ): Promise<ListAnswered> {
    const many = by.count ? await this.#count(projection, where, fresh) : null
    const { table, rows, next, ...page } = await this.#list(projection, where, by, fresh)
    const position = Math.min(page.position, many?.position ?? page.position)
    const parked = rows.flatMap(({ key, parked }) => (parked === null ? [] : [key]))
    const parts = [
      `"items":[${rows.map(row => shownRow(row.key, row.data)).join(',')}]`,
      `"next":${JSON.stringify(next)}`,
      ...(many ? [`"count":${many.found}`] : []),
      ...(parked.length ? [`"parked":${JSON.stringify(parked)}`] : []),
    ]
    const items = `{${parts.join(',')}`
    return { items, text: `${items},"position":${position}}`, position, tags: tagsOf(table, { where }) }
  }

  /**
   * What a query answers, from the cache where its policy allows. Rejects with Behind.
   *
   * A build serves all who ask at once, but does not wait: each of them does, as long as he would and for what he asked.
   */
  async ask(query: QuerySpec, params: unknown, fresh: Fresh): Promise<QueryAnswered> {
    let signal: AbortSignal | null = null
    for (let round = 1; ; round++) {
      try {
        return await this.#asked(query, params, fresh.atLeast, round < ROUNDS_MAX)
      } catch (error) {
        if (!(error instanceof Behind) || round > ROUNDS_MAX) throw error
        // What another asked for, whose build this was, is no reason to refuse.
        if (error.atLeast > fresh.atLeast) continue
        if (error.reason !== 'behind') throw error
        signal ??= AbortSignal.timeout(fresh.waitMs)
        const { serving } = this.#subscriptions.view(error.projection)
        if (!serving || !(await this.#subscriptions.reached(serving.subscription, fresh.atLeast, signal))) throw error
      }
    }
  }

  #asked(query: QuerySpec, params: unknown, atLeast: number, isShared: boolean): Promise<QueryAnswered> {
    const build = async (atLeast: number) => {
      const { text, position, tags } = await this.#made(query, params, { atLeast, waitMs: 0 })
      return { body: text, etag: `"${Bun.hash.xxHash64(text).toString(36)}"`, position, tags }
    }
    if (query.cache && isShared)
      return this.#filling.answer(this.#keyOf(query, params), query.cache, atLeast, { build, current: () => this.#current() })
    return build(atLeast).then(built => ({ ...built, cache: query.cache ? 'miss' : null, ageMs: 0, freshUntil: 0 }))
  }

  /** What else an answer depends on than its parameters: the log, the tables that serve, and the query as it is written. */
  #keyOf(query: QuerySpec, params: unknown): string {
    const { id, epoch } = this.#store.identity
    return `${id}.${epoch}/${this.#subscriptions.tables}/${query.name}.${codeOf(query)}?${canonical(params)}`
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
    const misfit = CHECKS ? query.answer?.safeParse(answer) : undefined
    if (misfit?.success === false)
      throw new TypeError(`query('${query.name}'): the answer does not fit its schema: ${issuesText(misfit.error.issues)}`)
    const text = JSON.stringify(answer ?? null) ?? 'null'
    return { text, position: Number.isFinite(position) ? position : fresh.atLeast, tags: [...tags] }
  }

  #rows(projection: ProjectionSpec, fresh: Fresh, seen: (position: number, tags: readonly string[]) => void): object {
    const parsed = ({ key, data }: Pick<StoredRow, 'key' | 'data'>) => ({ ...(JSON.parse(data) as object), key })
    if (projection.live) {
      const refuse = () =>
        Promise.reject(new TypeError(`${projection.name} is live: it keeps no rows to list or count, get one by its key`))
      const get = async (key: string) => {
        const row = await this.#live(projection, key)
        return row && (JSON.parse(row.text) as unknown)
      }
      return { get, list: refuse, count: refuse }
    }
    return {
      get: async (key: string) => {
        const { table, found, parked, position } = await this.#row(projection, key, fresh)
        // Of a row that has stopped the answer is as old as that, to whoever asks for what it lacks.
        seen(Math.min(position, (parked ?? Number.POSITIVE_INFINITY) - 1), [...tagsOf(table, { key }), table.name])
        return found && parsed(found)
      },
      list: async (where: Where = {}, by: ListBy = {}) => {
        const { table, rows, position } = await this.#list(projection, where, by, fresh)
        seen(position, [...tagsOf(table, { where }), table.name])
        return rows.map(parsed)
      },
      count: async (where: Where = {}) => {
        const { table, found, position } = await this.#count(projection, where, fresh)
        seen(position, [...tagsOf(table, { where }), table.name])
        return found
      },
    }
  }

  async #row(projection: ProjectionSpec, key: string, fresh: Fresh) {
    const read = await this.#read(projection, fresh, table => this.#store.readModel.get(table, key))
    const parked = read.found ? read.found.parked : await this.#parkedWithoutRow(read.table.name, key)
    if (parked !== null && fresh.atLeast >= parked) throw new Behind(projection.name, 'parked', read.position, fresh.atLeast)
    return { ...read, parked }
  }

  #list(projection: ProjectionSpec, where: Where, by: ListBy, fresh: Fresh) {
    return this.#read(projection, fresh, table => list(this.#store.readModel, table, where, by))
  }

  #count(projection: ProjectionSpec, where: Where, fresh: Fresh) {
    return this.#read(projection, fresh, table => count(this.#store.readModel, table, where))
  }

  /** Reads the table that serves a projection, once it is as new as asked for. */
  async #read<R extends { readonly position: number }>(
    { name }: ProjectionSpec,
    { atLeast, waitMs }: Fresh,
    read: (table: Table) => Promise<R>,
  ): Promise<R & { readonly table: Table }> {
    const { serving } = this.#subscriptions.view(name)
    if (!serving) throw new Behind(name, 'not-ready', 0, atLeast)
    const { table, subscription } = serving
    const isReached = subscription.position >= atLeast || (await this.#reached(subscription, atLeast, waitMs))
    if (!isReached) throw new Behind(name, 'behind', subscription.position, atLeast)
    const found = await read(table)
    // It may have been emptied meanwhile, to be folded anew.
    if (found.position < atLeast) throw new Behind(name, 'behind', found.position, atLeast)
    return { ...found, table }
  }

  #reached(subscription: Subscription, atLeast: number, waitMs: number): Promise<boolean> {
    return this.#subscriptions.reached(subscription, atLeast, waitMs > 0 ? AbortSignal.timeout(waitMs) : AbortSignal.abort())
  }

  async #parkedWithoutRow(table: string, key: string): Promise<number | null> {
    const parked = await this.#store.readModel.parked(table)
    return parked.find(one => one.kind === 'key' && one.key === key)?.position ?? null
  }

  /** The row of a live projection: its instance's stream, folded now. */
  async #live(projection: ProjectionSpec, key: string): Promise<RowAnswered | null> {
    let row: object | null = null
    let at = 0
    for (const category of projection.families.keys()) {
      for (let after = 0; ; ) {
        const page = inSequence(await this.#store.read(`${category}-${key}`, { after, limit: LIVE_PAGE }), after)
        for (const stored of page)
          for (const touch of touches(projection, stored)) {
            row = applied(projection, row, touch)
            at = stored.position
          }
        if (page.length < LIVE_PAGE) break
        after = page.at(-1)!.version
      }
    }
    return (
      row && {
        text: shownRow(key, encodedRow(projection, row).data),
        position: at,
        tags: [],
        at,
        parked: null,
        table: projection.name,
      }
    )
  }
}

/** A short name for a query as it is written. Each answer asks for it, so it is made once. */
function codeOf(query: QuerySpec): string {
  const known = codes.get(query)
  if (known !== undefined) return known
  const code = Bun.hash.xxHash64(`${query.run}`).toString(36)
  codes.set(query, code)
  return code
}
const codes = new WeakMap<QuerySpec, string>()
