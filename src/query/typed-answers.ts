// Rows and answers as typed values, for callers in this process. HTTP takes them as text.
import { issuesText, spec } from '../definitions/event/events.ts'
import type { Projection } from '../definitions/projection/projection.ts'
import type { Query } from '../definitions/query.ts'
import type { QueryAnswers } from './query-answers.ts'
import type { RowAnswers } from './row-answers.ts'
import { ANY_POSITION, type MinPosition, READ_WAIT_MS } from './stale-read.ts'

/** Gets the row of a key. Null: there is none. Rejects with StaleRead. */
export async function getTypedRow<N extends string, Row, I extends string>(
  answers: RowAnswers,
  projection: Projection<N, Row, I>,
  key: string,
  min: Partial<MinPosition>,
): Promise<(Row & { readonly key: string }) | null> {
  const { text } = await answers.get(projection[spec], key, withWait(min))
  // The projection checked the row against its schema before it stored the text.
  return text === null ? null : (JSON.parse(text) as Row & { readonly key: string })
}

/** Answers a query. Rejects with StaleRead, and with a TypeError for parameters that do not fit their schema. */
export async function answerTypedQuery<N extends string, P, A>(
  answers: QueryAnswers,
  { [spec]: query }: Query<N, P, A>,
  params: P,
  min: Partial<MinPosition>,
): Promise<A> {
  const parsed = query.params.safeParse(params)
  if (!parsed.success) throw new TypeError(`query('${query.name}'): ${issuesText(parsed.error.issues)}`)
  const { body } = await answers.answer(query, parsed.data, withWait(min))
  // The text is the JSON of the value that `run` gave.
  return JSON.parse(body) as A
}

function withWait({ atLeast = 0, waitMs = READ_WAIT_MS, complete = false }: Partial<MinPosition>): MinPosition {
  return atLeast === 0 && !complete ? ANY_POSITION : { atLeast, waitMs, complete }
}
