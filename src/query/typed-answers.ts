// Rows and answers as typed values, for callers in this process. HTTP takes them as text.
import { errorWithoutSecrets, parseHidingSecrets } from '../definitions/secret-fields.ts'
import { checkOptionNames } from '../definitions/option-names.ts'
import { issuesText, spec } from '../definitions/event/events.ts'
import type { Projection } from '../definitions/projection/projection.ts'
import type { Query } from '../definitions/query.ts'
import type { MinPosition, Reads, RowList, RowsPage } from '../definitions/reads.ts'
import type { QueryAnswers } from './query-answers.ts'
import type { RowAnswers } from './row-answers.ts'
import type { ListRequest } from './rows.ts'
import { ANY_POSITION, READ_WAIT_MS } from './stale-read.ts'
import type { Where } from './where.ts'

/** Gives reads in code, of rows and answers that HTTP gives too. */
export function typedReads(rows: RowAnswers, queries: QueryAnswers): Pick<Reads, 'row' | 'rows' | 'query'> {
  return {
    row: (projection, key, min = {}) => getTypedRow(rows, projection, key, min),
    rows: (projection, list = {}, min = {}) => listTypedRows(rows, projection, list, min),
    query: (query, params, min = {}) => answerTypedQuery(queries, query, params, min),
  }
}

const MIN: Readonly<Record<keyof MinPosition, true>> = { atLeast: true, waitMs: true, complete: true }
const LIST: Readonly<Record<keyof RowList<unknown, never>, true>> = {
  where: true,
  cursor: true,
  count: true,
  sort: true,
  after: true,
  limit: true,
}

/** Gets the row of a key. Null: there is none. Rejects with StaleRead. */
async function getTypedRow<N extends string, Row, I extends string>(
  answers: RowAnswers,
  projection: Projection<N, Row, I>,
  key: string,
  min: Partial<MinPosition>,
): Promise<(Row & { readonly key: string }) | null> {
  checkOptionNames('row', min, MIN)
  const { text } = await answers.get(projection[spec], key, withWait(min))
  // The projection checked the row against its schema before it stored the text.
  return text === null ? null : (JSON.parse(text) as Row & { readonly key: string })
}

/** Gives a page of rows. Rejects with StaleRead, or BadList. */
async function listTypedRows<N extends string, Row, I extends string>(
  answers: RowAnswers,
  { [spec]: projection }: Projection<N, Row, I>,
  list: RowList<Row, I>,
  min: Partial<MinPosition>,
): Promise<RowsPage<Row>> {
  checkOptionNames('rows', list, LIST)
  checkOptionNames('rows: how new', min, MIN)
  const { where = {}, ...by } = list
  if (projection.live) throw new TypeError(`${projection.name} is live: it keeps no rows to list; get a row by its key`)
  // The type of `where` is that of the indexed fields, which are texts, numbers, booleans and null.
  const { text } = await answers.list(projection, where as Where, by as ListRequest, withWait(min))
  // The projection checked each row against its schema before it stored the text.
  return JSON.parse(text) as RowsPage<Row>
}

/** Answers a query. Rejects with StaleRead, and with a TypeError for parameters that do not fit their schema. */
async function answerTypedQuery<N extends string, P, A>(
  answers: QueryAnswers,
  { [spec]: query }: Query<N, P, A>,
  params: P,
  min: Partial<MinPosition>,
): Promise<A> {
  checkOptionNames('query', min, MIN)
  const parsed = parseHidingSecrets(query.params, params)
  if (!parsed.success)
    throw errorWithoutSecrets(new TypeError(`query('${query.name}'): ${issuesText(parsed.error.issues)}`), params)
  const { body } = await answers.answer(query, parsed.data, withWait(min))
  // The text is the JSON of the value that `run` gave.
  return JSON.parse(body) as A
}

function withWait({ atLeast = 0, waitMs = READ_WAIT_MS, complete = false }: Partial<MinPosition>): MinPosition {
  return atLeast === 0 && !complete ? ANY_POSITION : { atLeast, waitMs, complete }
}
