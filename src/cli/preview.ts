// processes preview: the commands and timers that a process would want for the log as it is. Nothing is sent.
import { instancesOf } from '../definitions/process/instance.ts'
import type { ProcessSpec } from '../definitions/process/process.ts'
import { type Decision, Replay } from '../definitions/process/replay.ts'
import { decisionLines } from '../definitions/process/replay-gate.ts'
import { type CompiledStart, compileStart, type Start } from '../definitions/start.ts'
import { logPages } from '../ports/store/pages.ts'
import type { Store } from '../ports/store/store.ts'
import { positionOf } from '../subscription/starts.ts'
import { hintMore, limitOf } from './listed.ts'
import { withStore } from './opened.ts'
import { plain } from '../lib/paint.ts'
import { type Call, Misused, textOf } from './verb.ts'

type Preview = {
  readonly after: number
  readonly until: number
  readonly commands: number
  readonly timers: number
  /** How many of the timers are due already. */
  readonly due: number
  /** The first decisions that want something. */
  readonly decisions: readonly Decision[]
}

export async function previewProcess(call: Call, process: ProcessSpec): Promise<number> {
  const [start, limit] = [startOf(call) ?? process.start ?? 'beginning', limitOf(call.values)]
  const found = await withStore(call, store => preview(store, process, { start, limit }))
  if (call.json) console.log(JSON.stringify(found))
  else {
    const { after, until, commands, timers, due, decisions } = found
    for (const line of decisions.flatMap(decisionLines)) console.log(plain(line))
    const counts = `${commands} commands and set ${timers} timers, of which ${due} are due already`
    console.log(`after position ${after}, up to ${until}, ${process.name} would send ${counts}`)
    if (decisions.length === limit) hintMore(`--limit ${limit * 2}`)
  }
  return 0
}

function startOf(call: Call): CompiledStart {
  const text = textOf(call.values, 'start')
  if (text === undefined) return null
  try {
    return compileStart('--start', startOfText(text))
  } catch (error) {
    throw new Misused((error as Error).message)
  }
}

function startOfText(text: string): Start | { readonly at: string } {
  if (text === 'beginning' || text === 'now') return text
  return /^\d{1,15}$/.test(text) ? Number(text) : { at: text }
}

async function preview(
  store: Store,
  process: ProcessSpec,
  { start, limit }: { readonly start: NonNullable<CompiledStart>; readonly limit: number },
): Promise<Preview> {
  const until = await store.head()
  const after = await positionOf(store, start, until)
  const replay = new Replay(process)
  const counts = { commands: 0, timers: 0, due: 0 }
  const decisions: Decision[] = []
  const now = Date.now()
  for await (const page of logPages(store, { after, until, filter: instancesOf(process).filter, seesHoles: false })) {
    for (const event of page) replay.addEvent(event)
    for (const decision of replay.decisions.splice(0)) {
      if (decisions.length < limit) decisions.push(decision)
      for (const step of decision.steps) {
        if (step.kind === 'command') counts.commands++
        if (step.kind === 'timer') counts.timers++
        if (step.kind === 'timer' && Date.parse(step.due) <= now) counts.due++
      }
    }
  }
  return { after, until, ...counts, decisions }
}
