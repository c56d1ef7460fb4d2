// refusals: who was refused what, and why.
import { REFUSALS_KEEP_MS } from '../ports/refusals/bounds.ts'
import type { RefusalRecord } from '../ports/refusals/refusals.ts'
import { hintMore, limitOf, limitOption } from './listed.ts'
import { withStore } from './opened.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { sinceOf } from './since.ts'
import { table } from './table.ts'
import { hintUnknown } from './unknown-names.ts'
import { type Call, textOf, type Verb } from './verb.ts'

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
  const now = Date.now()
  const since = Math.max(sinceOf(values, now) ?? 0, now - REFUSALS_KEEP_MS)
  const limit = limitOf(values)
  const found = await withStore(call, store => store.refusals.list({ command, code, actor, since, limit }))
  if (found.length === 0 && command !== undefined) hintUnknown(call.serve, 'command', command)
  if (json) console.log(JSON.stringify(found))
  else console.log(found.length ? refusalsTable(found) : 'no command was refused')
  if (!json && found.length === limit) hintMore(`--limit ${limit * 2}`)
  return 0
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
