// refusals: who was refused what, and why.
import { milliseconds } from '../definitions/event/duration.ts'
import { readTime, TIME_EXPECTED } from '../definitions/event/time.ts'
import { REFUSALS_KEEP_MS } from '../ports/refusals/bounds.ts'
import type { RefusalRecord } from '../ports/refusals/refusals.ts'
import { hintMore, limitOf, limitOption } from './listed.ts'
import { withStore } from './opened.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { table } from './table.ts'
import { hintUnknown } from './unknown-names.ts'
import { type Call, Misused, textOf, type Values, type Verb } from './verb.ts'

export const refusalsVerb: Verb = {
  does: 'show commands that were refused in the last week, by whom and why, the newest first',
  options: {
    command: { takes: 'C', does: 'only of a command: order.place' },
    code: { takes: 'C', does: 'only with a code; of a rule: forbidden, or hidden' },
    actor: { takes: 'A', does: 'only of a caller' },
    since: { takes: 'T', does: "only since a time, or so long: '2 hours'" },
    limit: limitOption,
  },
  json: true,
  run: refusals,
}

async function refusals({ values, json, ...call }: Call): Promise<number> {
  const [command, code, actor] = ['command', 'code', 'actor'].map(name => textOf(values, name))
  const [since, limit] = [sinceOf(values, Date.now()), limitOf(values)]
  const found = await withStore(call, store => store.refusals.list({ command, code, actor, since, limit }))
  if (found.length === 0 && command !== undefined) hintUnknown(call.serve, 'command', command)
  if (json) console.log(JSON.stringify(found))
  else console.log(found.length ? refusalsTable(found) : 'no command was refused')
  if (!json && found.length === limit) hintMore(`--limit ${limit * 2}`)
  return 0
}

/** In ms since 1970, and at most a week ago. */
function sinceOf(values: Values, now: number): number {
  const text = textOf(values, 'since')
  const week = now - REFUSALS_KEEP_MS
  if (text === undefined) return week
  const time = readTime(text)
  return Math.max(week, Number.isNaN(time) ? now - lengthOf(text) : time)
}

function lengthOf(text: string): number {
  try {
    return milliseconds(text)
  } catch {
    throw new Misused(`--since: ${TIME_EXPECTED}, or a length such as '2 hours'; found ${plain(text)}`)
  }
}

function refusalsTable(refusals: readonly RefusalRecord[]): string {
  const { bold, dim } = paintFor()
  const rows = refusals.map(({ at, by, command, stream, actor, code, text, correlation, more }) => {
    const why = [code, text === null ? '' : `(${text})`, more ? `and ${more} more` : ''].filter(Boolean).join(' ')
    return [
      at,
      by,
      plain(command),
      plain(stream),
      actor === null ? dim('nobody') : plain(actor),
      dim(plain(correlation)),
      plain(why),
    ]
  })
  return table(['AT', 'BY', 'COMMAND', 'STREAM', 'ACTOR', 'CORRELATION', 'WHY'].map(bold), rows)
}
