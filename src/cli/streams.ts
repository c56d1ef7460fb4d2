import { limitOf, limitOption, hintMore } from './listed.ts'
import { withStore } from './opened.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { table } from './table.ts'
import { hintUnknown } from './unknown-names.ts'
import { type Call, textOf, type Verb } from './verb.ts'

export const streamsVerb: Verb = {
  takes: '[CATEGORY]',
  does: 'list streams by name, with their version and the time of their last event',
  options: { after: { takes: 'STREAM', does: 'only streams after this one' }, limit: limitOption },
  json: true,
  run: listStreams,
}

async function listStreams(call: Call): Promise<number> {
  const { words, values, json } = call
  const [limit, [category]] = [limitOf(values), words]
  const after = textOf(values, 'after') ?? ''
  const streams = await withStore(call, store => store.streams({ after, limit, ...(category !== undefined && { category }) }))
  if (streams.length === 0 && category !== undefined) hintUnknown(call.serve, 'category', category)
  const next = streams.length === limit ? streams.at(-1)!.stream : null
  if (json) console.log(JSON.stringify({ streams, next }))
  else if (streams.length === 0) console.log('there are no such streams')
  else {
    const { bold } = paintFor()
    const rows = streams.map(({ stream, version, position, at }) => [plain(stream), String(version), String(position), at])
    console.log(table(['STREAM', 'VERSION', 'POSITION', 'AT'].map(bold), rows))
    if (next !== null) hintMore(`--after ${plain(next)}`)
  }
  return 0
}
