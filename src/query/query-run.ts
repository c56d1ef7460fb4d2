// One run of a query. Its reads are recorded, because its answer depends on them.
import { errorWithoutSecrets } from '../definitions/secret-fields.ts'
import { IS_PRODUCTION } from '../definitions/environment.ts'
import type { Incomplete } from './fill.ts'
import { issuesText, spec } from '../definitions/event/events.ts'
import type { ProjectionSpec } from '../definitions/projection/projection.ts'
import type { QuerySpec } from '../definitions/query.ts'
import type { StoredRow } from '../ports/read-model/rows.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { mergeIncomplete, type ReadFrom } from './read-from.ts'
import type { TextAnswer } from './row-answers.ts'
import type { RowReader } from './row-reader.ts'
import { type ListRequest, tagsOf } from './rows.ts'
import type { Where } from './where.ts'
import type { MinPosition } from '../definitions/reads.ts'

type QueryRun = {
  readonly query: QuerySpec
  /** The output of the query's schema. */
  readonly params: unknown
  readonly min: MinPosition
  readonly reader: RowReader
  /** The position up to which this process knows the log. */
  readonly head: number
  readonly trace: Trace
}

/** Whether to check answers against their schemas: outside of production, where tests find a misfit. */
const CHECKS = !IS_PRODUCTION

/** Runs a query. Gives its answer as JSON text, and the reads that it depends on. Rejects with StaleRead. */
export async function runQuery({
  query,
  params,
  min,
  reader,
  head,
  trace,
}: QueryRun): Promise<TextAnswer & { readonly tags: readonly string[] }> {
  const reads = new RecordedReads([query.name, ...(query.cache?.tags(params) ?? [])])
  const read: Parameters<QuerySpec['run']>[1] = projection => readRows(reader, checkNamed(query, projection[spec]), min, reads)
  const run = async () => {
    try {
      return await query.run(params, read)
    } catch (error) {
      throw errorWithoutSecrets(error, params)
    }
  }
  const answer = await trace.step('query', [trace.current()], { 'emaki.query': query.name }, run)
  const misfit = CHECKS ? query.answer?.safeParse(answer) : undefined
  if (misfit?.success === false) {
    const text = `query('${query.name}'): the answer does not fit its schema: ${issuesText(misfit.error.issues)}`
    throw errorWithoutSecrets(new TypeError(text), params, answer)
  }
  // An answer without rows is as new as the start of its run, so a later invalidation is above it.
  const position = reads.position ?? Math.max(min.atLeast, head)
  return { text: JSON.stringify(answer ?? null) ?? 'null', position, tags: reads.tags, incomplete: reads.incomplete }
}

/** All reads of a run taken together: the lowest position, all tags, and everything that may be lacking. */
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

  add(read: ReadFrom, by: { readonly key: string } | { readonly where: Where }): void {
    const { table, position } = read
    this.position = Math.min(this.position ?? position, position)
    this.addIncomplete(read)
    for (const tag of [...tagsOf(table, by), table.name]) this.#tags.add(tag)
  }

  addIncomplete({ incomplete }: ReadFrom): void {
    this.incomplete = mergeIncomplete(this.incomplete, incomplete)
  }
}

/** Throws a TypeError for a projection that a query does not name, where it names what it reads. */
function checkNamed({ name, from }: QuerySpec, projection: ProjectionSpec): ProjectionSpec {
  if (!from || from.has(projection.name)) return projection
  throw new TypeError(`query('${name}') reads ${projection.name}, which its from does not name`)
}

function readRows(reader: RowReader, projection: ProjectionSpec, min: MinPosition, reads: RecordedReads): object {
  const refuse = () =>
    Promise.reject(new TypeError(`${projection.name} is live: it keeps no rows to list or count; get a row by its key`))
  return {
    get: async (key: string) => {
      const read = await reader.find(projection, key, min)
      // A live row has no table whose changes could make the answer out of date.
      if (projection.live) reads.addIncomplete(read)
      else reads.add(read, { key })
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
