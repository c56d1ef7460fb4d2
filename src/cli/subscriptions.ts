// status, pause and resume: how far each subscription is, and whether it goes on. They may run beside a server.
import { kindWord } from '../definitions/definition.ts'
import { verbCommand } from '../lib/verb-command.ts'
import type { Store } from '../ports/store/store.ts'
import type { Status } from '../subscription/status.ts'
import { operate } from './opened.ts'
import { paintFor } from '../lib/paint.ts'
import { table } from './table.ts'
import { type Call, Misused, type Verb } from './verb.ts'

export const statusVerb: Verb = {
  does: 'show how far each projection, processor and process is, and what is paused, schedules too',
  json: true,
  run: call =>
    operate(call, async ({ status }, store) => {
      const found = await status()
      if (call.json) console.log(JSON.stringify(found))
      else console.log(found.length ? tableOf(found, call.serve) : 'this app follows nothing')
      await mentionBreaches(store)
      return 0
    }),
}
export const pauseVerb: Verb = {
  takes: 'NAME',
  does: 'stop a projection, a processor, a process or a schedule, also in a running server, until resume',
  json: true,
  run: call => change(call, 'pause', { done: 'is paused', vain: 'is paused already' }),
}
export const resumeVerb: Verb = {
  takes: 'NAME',
  does: 'let what is paused go on where it stopped',
  json: true,
  run: call => change(call, 'resume', { done: 'goes on', vain: 'is not paused' }),
}

/** What breaks a promise stands beside the figures, wherever it was found. */
async function mentionBreaches({ promises }: Store): Promise<void> {
  const { length } = await promises.breaches()
  if (length > 0) console.error(`Promises do not hold: ${length} breaches are known. \`${verbCommand('breaches')}\` shows them.`)
}

function tableOf(found: readonly Status[], serve: Call['serve']): string {
  const { bold, yellow } = paintFor()
  const rows = found.map(
    ({ name, definition, position, lagEvents, isPaused, isServing, parkedKeys, parkedStreams, retrying }) => {
      const state = isPaused ? yellow('paused') : isServing ? 'ok' : 'does not serve'
      const counts = [position, lagEvents, parkedKeys + parkedStreams, retrying]
      return [
        name,
        kindWord(serve, definition),
        ...counts.map(one => (definition.kind === 'schedule' ? '—' : String(one))),
        state,
      ]
    },
  )
  return table(['SUBSCRIPTION', 'KIND', 'POSITION', 'LAG', 'PARKED', 'IN RETRY', 'STATE'].map(bold), rows)
}

type Texts = { readonly done: string; readonly vain: string }

function change(call: Call, what: 'pause' | 'resume', { done, vain }: Texts): Promise<number> {
  const [name] = call.words
  if (name === undefined) throw new Misused('which projection, processor, process or schedule?')
  return operate(call, async operations => {
    const isChanged = await operations[what](name)
    console.log(call.json ? JSON.stringify({ name, isChanged }) : `${name} ${isChanged ? done : vain}`)
    return 0
  })
}
