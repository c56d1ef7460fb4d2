// What has to be true of a process, said apart from the code that runs it: it knows the log, the rows and the agenda, and says in its own
// words what each event of the log leads to.
import { BEATS_MS } from './domain.ts'

export type Logged = {
  readonly position: number
  readonly stream: string
  readonly type: string
  readonly data: string
  /** In ms since 1970. */
  readonly at: number
}
export type Found = {
  /** In the order of the log. */
  readonly log: readonly Logged[]
  readonly rows: ReadonlyMap<string, string>
  /** How many entries the agenda has. */
  readonly pending: number
  readonly checkpoint: number
  readonly parked: number
}

type Armed = { readonly set: number; readonly due: number; readonly what: string | null }
type Instance = { n: number; until: number; readonly timers: Map<string, Armed> }
type QueuedEffect = { readonly by: string; readonly what: string; readonly target: string }
type Fell = { readonly timer: string; readonly set: number }

const LATE_MS = 1_000
const BEAT_MS = 200
const WRONG_MAX = 10

/** What is wrong at rest, as sentences, and how many facts were compared. */
export function checkEffects({ log, rows, pending, checkpoint, parked }: Found): {
  readonly wrong: readonly string[]
  readonly checks: number
} {
  const { instances, wanted, wrong } = replayLog(log)
  const effects = log.flatMap(event => (event.stream.startsWith('tally-') ? [toldOf(event)] : []))
  const queues = new Set([...wanted, ...effects].map(queueOf))
  const [byWanted, byEffects] = [Map.groupBy(wanted, queueOf), Map.groupBy(effects, queueOf)]
  for (const queue of queues) wrong.push(...compareQueues(queue, byWanted.get(queue) ?? [], byEffects.get(queue) ?? []))
  for (const [by, instance] of instances) {
    const row = rows.get(by)
    if (row === undefined || !Bun.deepEquals(JSON.parse(row), rowOf(instance)))
      wrong.push(`the row of ${by} is ${row}, and the log gives ${JSON.stringify(rowOf(instance))}`)
    for (const [timer, { set }] of instance.timers) wrong.push(`${by}: the timer ${timer}, set at ${set}, never fell due`)
  }
  const head = log.at(-1)?.position ?? 0
  if (pending > 0) wrong.push(`${pending} entries were never sent`)
  if (checkpoint !== head) wrong.push(`the process is at ${checkpoint} of ${head}`)
  if (parked > 0) wrong.push(`${parked} instances or streams are parked`)
  return { wrong: wrong.slice(0, WRONG_MAX), checks: wanted.length + instances.size + log.length }
}

/** What the log leads to, in its order, and what in it should not be. */
function replayLog(log: readonly Logged[]) {
  const instances = new Map<string, Instance>()
  const wanted: QueuedEffect[] = []
  const wrong: string[] = []
  const once = new Set<string>()
  for (const event of log) {
    const [category, by] = splitStream(event.stream)
    if (category !== 'asking' && category !== 'courier') continue
    const instance = instances.get(by) ?? { n: 0, until: 0, timers: new Map() }
    instances.set(by, instance)
    const want = (target: string, what: string) => wanted.push({ by, what, target })
    if (category === 'asking') answerQuestion(instance, event, want)
    else {
      const label = `${by}: ${nameOf(event)}`
      if (once.has(label)) wrong.push(`${label} was told twice`)
      once.add(label)
      if (event.type === 'Due') wrong.push(...handleTimer(instance, event, want, label))
      else if (event.type === 'Rejected') want('t2', `${whatOf(event)}.refused`)
      else wrong.push(`${label} should not be`)
    }
  }
  return { instances, wanted, wrong }
}

type Want = (target: string, what: string) => void

function answerQuestion(instance: Instance, { position, at }: Logged, want: Want): void {
  const n = ++instance.n
  instance.until = at + BEATS_MS
  want(`t${n % 3}`, `${n}.first`)
  want(`t${n % 3}`, `${n}.second`)
  if (n % 3 === 0) instance.timers.set('late', { set: position, due: at + LATE_MS, what: `${n}.late` })
  if (n % 9 === 1) instance.timers.delete('late')
  if (n % 8 === 1) instance.timers.set('beat', { set: position, due: at + BEAT_MS, what: null })
}

function handleTimer(instance: Instance, { position, data, at }: Logged, want: Want, label: string): readonly string[] {
  const { timer, set } = JSON.parse(data) as Fell
  const armed = instance.timers.get(timer)
  // One that was cancelled or set anew before it was heard of.
  if (armed?.set !== set) return []
  instance.timers.delete(timer)
  if (armed.what) want('t1', armed.what)
  if (timer === 'beat') {
    want('beats', `beat ${new Date(at).toISOString()}`)
    if (at < instance.until) instance.timers.set('beat', { set: position, due: at + BEAT_MS, what: null })
  }
  return at < armed.due ? [`${label} fell due ${armed.due - at} ms early`] : []
}

/** Of what one instance sends to one stream each is there, once, in order. */
function compareQueues(queue: string, wanted: readonly QueuedEffect[], effects: readonly QueuedEffect[]): readonly string[] {
  const at = wanted.findIndex(({ what }, i) => effects[i]?.what !== what)
  if (at < 0)
    return effects.length > wanted.length ? [`${queue}: ${effects[wanted.length]!.what} is there, and nothing led to it`] : []
  const [many, known] = [new Map<string, number>(), new Set(wanted.map(({ what }) => what))]
  for (const { what } of effects) many.set(what, (many.get(what) ?? 0) + 1)
  const twice = [...many].filter(([, times]) => times > 1).map(([what]) => what)
  const missing = [...known].filter(what => !many.has(what))
  const strange = [...many.keys()].filter(what => !known.has(what))
  const is = [
    ...(missing.length ? [`lost ${missing.slice(0, 3)}`] : []),
    ...(twice.length ? [`had ${twice.slice(0, 3)} twice`] : []),
    ...(strange.length ? [`had ${strange.slice(0, 3)}, to which nothing led`] : []),
  ]
  return [`${queue} ${is.join(', ') || `had ${effects[at]?.what} where ${wanted[at]!.what} comes`}`]
}

function rowOf({ n, until, timers }: Instance): object {
  const named = [...timers].map(([timer, { set, due }]) => [timer, { set, due }] as const)
  return { state: { n, until }, timers: Object.fromEntries(named) }
}

const queueOf = ({ by, target }: QueuedEffect): string => `${by} to ${target}`

function splitStream(stream: string): readonly [category: string, instance: string] {
  const at = stream.indexOf('-')
  return [stream.slice(0, at), stream.slice(at + 1)]
}

function toldOf({ stream, data }: Logged): QueuedEffect {
  const { by, what } = JSON.parse(data) as { readonly by: string; readonly what: string }
  return { by, what, target: splitStream(stream)[1] }
}

function nameOf(event: Logged): string {
  if (event.type !== 'Due') return `${event.type} ${whatOf(event)}`
  const { timer, set } = JSON.parse(event.data) as Fell
  return `${timer}, set at ${set},`
}

function whatOf({ data }: Logged): string {
  return (JSON.parse(data) as { readonly command?: { readonly data: { readonly what: string } } }).command?.data.what ?? data
}
