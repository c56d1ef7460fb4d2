// The question's path: rows that are new enough, and answers made of them.
import type { Cache } from '../ports/cache/cache.ts'
import type { Meter } from '../ports/metrics/meter.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import type { Trace } from '../ports/trace/trace.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'
import type { Tail } from '../subscription/tail.ts'
import { createFilling } from './fill.ts'
import { FreshnessWaits } from './freshness-waits.ts'
import { QueryAnswers } from './query-answers.ts'
import { RowAnswers } from './row-answers.ts'
import { RowReader } from './row-reader.ts'

type SharedParts = {
  readonly store: Store
  readonly trace: Trace
  readonly metrics: Meter
  readonly now: () => number
  readonly report: Report
}
type QuestionParts = { readonly cache: Cache; readonly subscriptions: Subscriptions; readonly tail: Tail }
/** What answers questions. */
export type Questions = { readonly rowAnswers: RowAnswers; readonly queryAnswers: QueryAnswers }

/** Wires what answers questions about rows, and queries over them. */
export function wireQuestions(shared: SharedParts, { cache, subscriptions, tail }: QuestionParts): Questions {
  const { store, trace, metrics, now, report } = shared
  const waits = new FreshnessWaits(subscriptions, metrics)
  const reader = new RowReader({ store, subscriptions, waits, report })
  const filling = createFilling(cache, { now, report })
  const head = () => tail.head
  return {
    rowAnswers: new RowAnswers(reader),
    queryAnswers: new QueryAnswers({ store, subscriptions, waits, reader, filling, head, trace, metrics }),
  }
}
