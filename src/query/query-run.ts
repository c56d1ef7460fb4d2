// One run of a query: what it reads is recorded, as its answer depends on that.
import type { Incomplete } from './fill.ts'
import { issuesText, spec } from '../definitions/event/events.ts'
import type { ProjectionSpec } from '../definitions/projection/projection.ts'
import type { QuerySpec } from '../definitions/query.ts'
import type { StoredRow } from '../ports/read-model/rows.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { mergeIncomplete, type ReadFrom } from './read-from.ts'
import type { TextAnswer } from './row-answers.ts'
import type { RowReader } from './row-reader.ts'
import { type ListRequest, tagsOf, type Where } from './rows.ts'
import type { MinPosition } from './stale-read.ts'

type QueryRun = {
  readonly query: QuerySpec
  /** As the schema of the query gave them. */
  readonly params: unknown
  readonly min: MinPosition
  readonly reader: RowReader
  /** The position up to which this process knows the log. */
  readonly head: number
  readonly trace: Trace
}

/** Answers are checked against their schemas outside of production, where a test finds an answer that does not fit. */
const CHECKS = Bun.env['NODE_ENV'] !== 'production'

/** Runs a query; gives its answer as JSON text, and what that depends on. Rejects with StaleRead. */
export async function runQuery({
  query,
  params,
  min,
  reader,
  head,
  trace,
}: QueryRun): Promise<TextAnswer & { readonly tags: readonly string[] }> {
  const reads = new RecordedReads([query.name, ...(query.cache?.tags(params) ?? [])])
  const run = () => query.run(params, projection => readRows(reader, projection[spec], min, reads))
  const answer = await trace.step('query', [trace.current()], { 'emaki.query': query.name }, run)
  const misfit = CHECKS ? query.answer?.safeParse(answer) : undefined
  if (misfit?.success === false)
    throw new TypeError(`query('${query.name}'): the answer does not fit its schema: ${issuesText(misfit.error.issues)}`)
  // An answer that reads no rows is as new as the moment when its run began: a later invalidation is above it.
  const position = reads.position ?? Math.max(min.atLeast, head)
  return { text: JSON.stringify(answer ?? null) ?? 'null', position, tags: reads.tags, incomplete: reads.incomplete }
}

/** The tables that a run has read, as one: the lowest position, all tags, all that may be lacking. */
class RecordedReads {
  readonly #tags: Set<string>
  position: number | null = null
  incomplete: Incomplete | null = null

  constructor(tags: readonly string[]) {
    this.#tags = new Set(tags)
  }

  get tags(): readonly string[] {
    return [...this.#tags]
  }

  add({ table, position, incomplete }: ReadFrom, by: { readonly key: string } | { readonly where: Where }): void {
    this.position = Math.min(this.position ?? position, position)
    this.incomplete = mergeIncomplete(this.incomplete, incomplete)
    for (const tag of [...tagsOf(table, by), table.name]) this.#tags.add(tag)
  }
}

function readRows(reader: RowReader, projection: ProjectionSpec, min: MinPosition, reads: RecordedReads): object {
  const refuse = () =>
    Promise.reject(new TypeError(`${projection.name} is live: it keeps no rows to list or count, get one by its key`))
  return {
    get: async (key: string) => {
      const read = await reader.get(projection, key, min)
      // A live row belongs to no table whose changes could make the answer out of date.
      if (!projection.live) reads.add(read, { key })
      return read.found && rowValue(read.found)
    },
    list: projection.live
      ? refuse
      : async (where: Where = {}, by: ListRequest = {}) => {
          const read = await reader.list(projection, where, by, min)
          reads.add(read, { where })
          return read.rows.map(rowValue)
        },
    count: projection.live
      ? refuse
      : async (where: Where = {}) => {
          const read = await reader.count(projection, where, min)
          reads.add(read, { where })
          return read.found
        },
  }
}

function rowValue({ key, data }: Pick<StoredRow, 'key' | 'data'>): object {
  return { ...(JSON.parse(data) as object), key }
}
