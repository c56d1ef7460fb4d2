// processes resume: makes a stuck instance of a process go on, or ends it. It appends an event to the instance's own
// stream, so the log has who did what, and the process reads it like all else.
import { type ProcessInstance, subscriptionOf } from '../definitions/process/instance.ts'
import { CLOSED, type INTERVENTIONS, OWN_SCHEMA } from '../definitions/process/process-events.ts'
import type { ProcessSpec } from '../definitions/process/process.ts'
import { streamName } from '../definitions/event/stream-name.ts'
import type { Store } from '../ports/store/store.ts'
import { processOf } from './agenda.ts'
import { EXIT } from './exit-codes.ts'
import { withStore } from './opened.ts'
import { plain } from '../lib/paint.ts'
import { type Call, Misused } from './verb.ts'

type Intervention = (typeof INTERVENTIONS)[number]
/** Reads an instance. Null: there is none. */
type ReadInstance = (store: Store, process: ProcessSpec, key: string) => Promise<ProcessInstance | null>

const DONE: Readonly<Record<Intervention, string>> = {
  Resumed: 'what was refused is tried again',
  Skipped: 'what was refused counts as done, and the saga goes on',
  Closed: 'the instance ends here; its timers are cancelled, and its effects stay as they are',
}

export async function resumeInstance(call: Call, readInstance: ReadInstance): Promise<number> {
  const [, name, key] = call.words
  if (name === undefined || key === undefined) throw new Misused('resume needs a process and a key')
  const process = processOf(call, name)
  const type = interventionOf(call)
  return withStore(call, async store => {
    const wrong = await refusalOf(store, process, { key, type, instance: await readInstance(store, process, key) })
    if (wrong !== null) {
      console.error(wrong)
      return EXIT.INPUT
    }
    const position = await appendIntervention(store, streamName(process.name, key), type)
    console.log(call.json ? JSON.stringify({ process: name, key, type, position }) : `${plain(key)}: ${DONE[type]}`)
    return 0
  })
}

function interventionOf({ values: { skip, close } }: Call): Intervention {
  if (skip === true && close === true) throw new Misused('choose one of --skip and --close')
  if (close === true) return CLOSED
  return skip === true ? 'Skipped' : 'Resumed'
}

type Asked = { readonly key: string; readonly type: Intervention; readonly instance: ProcessInstance | null }

async function refusalOf(store: Store, process: ProcessSpec, { key, type, instance }: Asked): Promise<string | null> {
  const { name, stuckBy } = process
  const parked = (await store.readModel.parked(subscriptionOf(process))).some(one => one.kind === 'key' && one.key === key)
  if (parked) return `${name} has parked ${plain(key)}: use unpark or skip`
  if (!instance) return `${name} has no instance ${plain(key)}, or it has ended`
  if (type === CLOSED || stuckBy(instance.state) !== null) return null
  return `${name} ${plain(key)} is not stuck: only --close would change it`
}

/** Appends the event of an intervention. Gives its position. */
async function appendIntervention(store: Store, stream: string, type: Intervention): Promise<number> {
  const id = Bun.randomUUIDv7()
  const actor = process.env['USER'] ?? 'command line'
  const meta = JSON.stringify({ correlation: id, causation: id, actor })
  const event = { id, type, schema: OWN_SCHEMA, data: '{}', meta }
  const [outcome] = await store.append([{ slices: [{ stream, expect: 'any', events: [event] }], keys: [] }])
  if (outcome?.outcome !== 'appended') throw new Error(`${stream} took no event: ${outcome?.outcome}`)
  const { position } = outcome.slices[0]!
  store.announce(position)
  return position
}
