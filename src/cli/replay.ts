// replay STREAM: shows how an instance came to its state, event by event.
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { fold, type Folded } from '../definitions/decider/fold.ts'
import { spec } from '../definitions/event/events.ts'
import { factOf, UnreadableEvent } from '../definitions/event/read.ts'
import { categoryOf } from '../definitions/event/stream-name.ts'
import { streamPages } from '../ports/store/pages.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import { type StateChange, changesBetween } from './changes.ts'
import { EXIT } from './exit-codes.ts'
import { withStore } from './opened.ts'
import { standardOutput } from './output.ts'
import { paintFor, plain, pretty } from '../lib/paint.ts'
import { type Call, Misused, numberOf, type Verb } from './verb.ts'

export const replayVerb: Verb = {
  takes: 'STREAM',
  does: "show a decider's instance event by event, with the changes of its state",
  options: { at: { takes: 'VERSION', does: 'only up to this version' } },
  json: true,
  run: replayStream,
}

async function replayStream(call: Call): Promise<number> {
  const [stream] = call.words
  if (stream === undefined) throw new Misused('replay needs a stream, such as order-o1')
  const decider = deciderOf(call, stream)
  const until = numberOf(call.values, 'at', 1) ?? Number.MAX_SAFE_INTEGER
  return withStore(call, async store => {
    const sink = standardOutput()
    const line = call.json ? jsonStep : textStep()
    let folded: Folded = { state: decider.initial, version: 0 }
    try {
      for await (const page of streamPages(store, stream, { until }))
        for (const event of page) {
          const before = folded.state
          folded = fold(decider, stream, folded, [factOf(event, decider.readsMeta)])
          if (!(await sink.write(`${line(event, before, folded.state)}\n`))) return 0
        }
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error
      console.error(error.message)
      return EXIT.DATA
    }
    if (folded.version === 0) {
      console.error(`there is no stream ${plain(stream)}`)
      return EXIT.INPUT
    }
    if (!call.json) await sink.write(`\nthe state at version ${folded.version}:\n${pretty(folded.state)}\n`)
    return 0
  })
}

function deciderOf({ serve }: Call, stream: string): DeciderSpec {
  const deciders = serve.map(one => one[spec] as unknown as DeciderSpec).filter(({ kind }) => kind === 'decider')
  const found = deciders.find(({ name }) => name === categoryOf(stream))
  if (!found)
    throw new Misused(
      `${plain(stream)} is not a stream of a decider; there are ${deciders.map(({ name }) => name).join(', ') || 'none'}`,
    )
  return found
}

type ReplayStep = (event: StoredEvent, before: unknown, after: unknown) => string

const jsonStep: ReplayStep = ({ version, position, at, id, type, data }, _, state) =>
  JSON.stringify({ version, position, at, id, type, data: JSON.parse(data) as unknown, state })

function textStep(): ReplayStep {
  const { bold, dim, green, red } = paintFor()
  const changed = ({ path, before, after }: StateChange) => {
    const [was, is] = [before === undefined ? '' : red(written(before)), after === undefined ? '' : green(written(after))]
    const what = path.length ? plain(path.join('.')) : 'state'
    return `    ${what}: ${was && is ? `${was} → ${is}` : was ? `${was} → nothing` : is}`
  }
  return ({ version, at, type, data }, before, after) => {
    const changes = changesBetween(before, after)
    const head = `${String(version).padStart(3)}  ${dim(at)}  ${bold(type)}  ${plain(data)}`
    return [head, ...(changes.length ? changes.map(changed) : [dim('    nothing changed')])].join('\n')
  }
}

function written(value: unknown): string {
  return plain(JSON.stringify(value))
}
