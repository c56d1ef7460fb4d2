// The path of a question: wait until rows are as new as asked for, read them, and say what the answer depends on.
import { streamName } from '../event/stream-name.ts'
import type { Answer, Filling, Kept, Lacking } from '../cache/fill.ts'
import { issuesText, spec } from '../event/events.ts'
import { UnreadableEvent } from '../event/read.ts'
import { canonical } from '../event/payload.ts'
import { foldEvent, encodeRow, rowEvents } from '../projection/fold.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import type { QuerySpec } from '../query/query.ts'
import type { Found, StoredRow, Table } from '../read-model/read-model.ts'
import { streamPages } from '../store/pages.ts'
import type { Store, StoredEvent } from '../store/store.ts'
import type { Subscription } from '../subscription/subscription.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'
import type { Trace } from '../trace/trace.ts'
import { count, list, type ListBy, shownRow, tagsOf, type Where } from './rows.ts'

/** How new an answer has to be: it includes all up to a position, for which it waits so long. */
export type Fresh = { readonly atLeast: number; readonly waitMs: number }
export const WHATEVER: Fresh = { atLeast: 0, waitMs: 0 }

/** An answer as JSON text; it includes all up to the position. `lacking` says what it may lack after that; null: nothing. */
export type Answered = {
  readonly text: string
  readonly position: number
  readonly tags: readonly string[]
  readonly lacking: Lacking | null
}
/** A row: `at` is the position of the last event folded into it. Without text there is none. */
export type RowAnswered = Omit<Answered, 'text'> & { readonly text: string | null; readonly at: number; readonly table: string }
/** A list: `items` is the part of the text that was asked for, without the position, which changes with every event of the log. */
export type ListAnswered = Answered & { readonly items: string }

/** An answer to a query: `cache` says where from, null: it has no policy. */
export type QueryAnswered = Omit<Answer, 'cache'> & { readonly cache: Answer['cache'] | null }

/** Hears what was read: what it includes, the tags it depends on, and what it may lack. */
type Seen = (read: Omit<Answered, 'text'>) => void

/** Rows that are not as new as asked for, or not there yet. */
export class Behind extends Error {
  readonly projection: string
  readonly position: number
  /** What was asked for. */
  readonly atLeast: number
  /** What is in the way: rows still being made, or an event that could not be folded. */
  readonly reason: 'behind' | 'not-ready' | 'parked'
  /** The position of that event. */
  readonly parked: number | null
  constructor(projection: string, reason: Behind['reason'], position: number, atLeast: number, parked: number | null = null) {
    super(`${projection} is at ${position}, asked for at ${atLeast}: ${reason}`)
    this.parked = parked
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
/** How often an answer is asked for in company, before it is made for this caller alone. */
const ROUNDS_MAX = 3

export type AnswersOptions = {
  readonly store: Store
  readonly subscriptions: Subscriptions
  readonly filling: Filling
  /** The position up to which this process knows the log. */
  readonly head: () => number
  readonly trace: Trace
  /** Told why an event could not be folded that nothing has parked. */
  readonly report: (error: unknown) => void
}

export class Answers {
  readonly #store: Store
  readonly #subscriptions: Subscriptions
  readonly #filling: Filling
  readonly #head: () => number
  readonly #trace: Trace
  readonly #report: (error: unknown) => void

  constructor({ store, subscriptions, filling, head, trace, report }: AnswersOptions) {
    this.#head = head
    this.#trace = trace
    this.#report = report
    this.#store = store
    this.#subscriptions = subscriptions
    this.#filling = filling
  }

  /** One row. Rejects with Behind. */
  async row(projection: ProjectionSpec, key: string, fresh: Fresh): Promise<RowAnswered> {
    if (projection.live) return this.#live(projection, key)
    const { table, found, position, lacking } = await this.#row(projection, key, fresh)
    const [text, at] = found ? [shownRow(key, found.data), found.position] : [null, 0]
    return { text, position, tags: tagsOf(table, { key }), lacking, at, table: table.name }
  }

  /**
   * One page of a list, as `{"items":[…],"next":…,"position":…}`. Rejects with Behind, or BadList.
   *
   * A row that has stopped may belong anywhere by now. So every list of its table, also one that is narrowed, includes only what happened
   * before it stopped, and is refused to who asks for more.
   */
  async list(
    projection: ProjectionSpec,
    where: Where,
    by: ListBy & { readonly count?: boolean },
    fresh: Fresh,
  ): Promise<ListAnswered> {
    const many = by.count ? await this.#count(projection, where, fresh) : null
    const { table, rows, next, ...page } = await this.#list(projection, where, by, fresh)
    const position = Math.min(page.position, many?.position ?? page.position)
    const lacking = lowest(page.lacking, many?.lacking ?? null)
    const parked = rows.flatMap(({ key, parked }) => (parked === null ? [] : [key]))
    const parts = [
      `"items":[${rows.map(row => shownRow(row.key, row.data)).join(',')}]`,
      `"next":${JSON.stringify(next)}`,
      ...(many ? [`"count":${many.found}`] : []),
      ...(parked.length ? [`"parked":${JSON.stringify(parked)}`] : []),
      ...((lacking?.frozen ?? null) === null ? [] : ['"frozen":true']),
    ]
    const items = `{${parts.join(',')}`
    return { items, text: `${items},"position":${position}}`, position, tags: tagsOf(table, { where }), lacking }
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
        if (!serving || serving.isFrozen || !(await this.#subscriptions.waitFor(serving.subscription, fresh.atLeast, signal)))
          throw error
      }
    }
  }

  /** What `ask` would give at once to who asks for no position, by `keyOf` what he asks; null: that has to be waited for. */
  kept(key: string): Kept | null {
    return this.#filling.kept(key)
  }

  #asked(query: QuerySpec, params: unknown, atLeast: number, isShared: boolean): Promise<QueryAnswered> {
    const build = async (atLeast: number) => {
      const { text, ...rest } = await this.#made(query, params, { atLeast, waitMs: 0 })
      return { body: text, etag: `"${Bun.hash.xxHash64(text).toString(36)}"`, ...rest }
    }
    if (query.cache && isShared)
      return this.#filling.answer(this.keyOf(query, params), query.cache, atLeast, {
        build,
        current: () => this.#current(),
      })
    return build(atLeast).then(built => ({ ...built, cache: query.cache ? 'miss' : null, ageMs: 0, freshUntil: 0 }))
  }

  /** What an answer depends on: the log, the tables that serve, the query as it is written, and its parameters. */
  keyOf(query: QuerySpec, params: unknown): string {
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
    // What reads no rows is as new as the moment it began: what is invalidated after that is above it.
    const begun = Math.max(fresh.atLeast, this.#head())
    let position = Number.POSITIVE_INFINITY
    let lacking: Lacking | null = null
    const seen: Seen = read => {
      position = Math.min(position, read.position)
      lacking = lowest(lacking, read.lacking)
      for (const tag of read.tags) tags.add(tag)
    }
    const run = () => query.run(params, projection => this.#rows(projection[spec], fresh, seen))
    const answer = await this.#trace.step('query', [this.#trace.current()], { 'emaki.query': query.name }, run)
    const misfit = CHECKS ? query.answer?.safeParse(answer) : undefined
    if (misfit?.success === false)
      throw new TypeError(`query('${query.name}'): the answer does not fit its schema: ${issuesText(misfit.error.issues)}`)
    const text = JSON.stringify(answer ?? null) ?? 'null'
    return { text, position: Number.isFinite(position) ? position : begun, tags: [...tags], lacking }
  }

  #rows(projection: ProjectionSpec, fresh: Fresh, seen: Seen): object {
    const parsed = ({ key, data }: Pick<StoredRow, 'key' | 'data'>) => ({ ...(JSON.parse(data) as object), key })
    if (projection.live) {
      const refuse = () =>
        Promise.reject(new TypeError(`${projection.name} is live: it keeps no rows to list or count, get one by its key`))
      const get = async (key: string) => {
        const { text } = await this.#live(projection, key)
        return text === null ? null : (JSON.parse(text) as unknown)
      }
      return { get, list: refuse, count: refuse }
    }
    return {
      get: async (key: string) => {
        const { table, found, ...rest } = await this.#row(projection, key, fresh)
        seen({ ...rest, tags: [...tagsOf(table, { key }), table.name] })
        return found && parsed(found)
      },
      list: async (where: Where = {}, by: ListBy = {}) => {
        const { table, rows, ...rest } = await this.#list(projection, where, by, fresh)
        seen({ ...rest, tags: [...tagsOf(table, { where }), table.name] })
        return rows.map(parsed)
      },
      count: async (where: Where = {}) => {
        const { table, found, ...rest } = await this.#count(projection, where, fresh)
        seen({ ...rest, tags: [...tagsOf(table, { where }), table.name] })
        return found
      },
    }
  }

  #row(projection: ProjectionSpec, key: string, fresh: Fresh) {
    return this.#read(projection, fresh, table => this.#store.readModel.get(table, key))
  }

  #list(projection: ProjectionSpec, where: Where, by: ListBy, fresh: Fresh) {
    return this.#read(projection, fresh, table => list(this.#store.readModel, table, where, by))
  }

  #count(projection: ProjectionSpec, where: Where, fresh: Fresh) {
    return this.#read(projection, fresh, table => count(this.#store.readModel, table, where))
  }

  /** Reads the table that serves a projection, once it is as new as asked for. What has stopped includes nothing from there on. */
  async #read<R extends Pick<Found<unknown>, 'position' | 'parked'>>(
    { name }: ProjectionSpec,
    { atLeast, waitMs }: Fresh,
    read: (table: Table) => Promise<R>,
  ): Promise<R & { readonly table: Table; readonly lacking: Lacking | null }> {
    const { serving } = this.#subscriptions.view(name)
    if (!serving) throw new Behind(name, 'not-ready', 0, atLeast)
    const { table, subscription, isFrozen } = serving
    // What is frozen comes no further: it is not waited for.
    const isReached = isFrozen || subscription.position >= atLeast || (await this.#reached(subscription, atLeast, waitMs))
    if (!isReached) throw new Behind(name, 'behind', subscription.position, atLeast)
    const found = await read(table)
    const { position, parked } = found
    // It may have been emptied meanwhile, to be folded anew.
    if (position < atLeast) throw new Behind(name, 'behind', position, atLeast)
    if (parked !== null && parked <= atLeast) throw new Behind(name, 'parked', position, atLeast, parked)
    const lacking = parked === null && !isFrozen ? null : { parked, frozen: isFrozen ? position : null }
    return { ...found, table, position: parked === null ? position : Math.min(position, parked - 1), lacking }
  }

  #reached(subscription: Subscription, atLeast: number, waitMs: number): Promise<boolean> {
    return this.#subscriptions.waitFor(subscription, atLeast, waitMs > 0 ? AbortSignal.timeout(waitMs) : AbortSignal.abort())
  }

  /** The row of a live projection: its instance's stream, folded now. Rejects with Behind where it meets an event that it cannot take. */
  async #live(projection: ProjectionSpec, key: string): Promise<RowAnswered> {
    const live: { row: object | null; at: number } = { row: null, at: 0 }
    const fold = (stored: StoredEvent) => {
      for (const rowEvent of rowEvents(projection, stored)) {
        live.row = foldEvent(projection, live.row, rowEvent)
        live.at = stored.position
      }
    }
    for (const category of projection.families.keys())
      for await (const page of streamPages(this.#store, streamName(category, key)))
        for (const stored of page) this.#folded(projection, live.at, stored.position, () => fold(stored))
    const { row, at } = live
    const text = row && this.#folded(projection, at - 1, at, () => shownRow(key, encodeRow(projection, row).data))
    return { text, position: at, tags: [], lacking: null, at, table: projection.name }
  }

  /** What folding comes to. That an event cannot be read says more than that it stopped there, so it is thrown as it is. */
  #folded<T>({ name }: ProjectionSpec, at: number, parked: number, fold: () => T): T {
    try {
      return fold()
    } catch (error) {
      if (error instanceof UnreadableEvent) throw error
      this.#report(error)
      throw new Behind(name, 'parked', at, parked, parked)
    }
  }
}

/** What an answer may lack that is made of two. */
function lowest(one: Lacking | null, other: Lacking | null): Lacking | null {
  if (!one || !other) return one ?? other
  const least = (a: number | null, b: number | null) => (a === null || b === null ? (a ?? b) : Math.min(a, b))
  return { parked: least(one.parked, other.parked), frozen: least(one.frozen, other.frozen) }
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
