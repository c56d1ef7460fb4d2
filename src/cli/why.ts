// why: what stands still, since when, who blocks whom, and what mends it.
import { storeOf } from '../config.ts'
import { runningOf } from '../definitions/definition.ts'
import { describeNames } from '../definitions/nearest-name.ts'
import { settleWithin } from '../lib/deadline.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'
import type { DatabaseSession } from '../ports/store/waits.ts'
import type { StallEpisode } from '../stalls/episodes.ts'
import { readLogStalls, readStalls } from '../stalls/read-facts.ts'
import { formatMs, type Stall } from '../stalls/stall.ts'
import { Operations } from '../subscription/operations.ts'
import { askWatch } from './ask-watch.ts'
import { EXIT } from './exit-codes.ts'
import { withStore } from './opened.ts'
import { table } from './table.ts'
import { type Call, Misused, type Verb } from './verb.ts'

/** How long a store may take to be opened and read, in ms. One that takes longer is explained without. */
const OPEN_MS = 10_000

export const whyVerb: Verb = {
  takes: '[NAME]',
  does: 'tell what stands still, since when, who blocks whom, and what mends it; exits with 1 if something does',
  json: true,
  run: async call => {
    const [own, told] = await Promise.all([readOf({ ...call, config: { ...call.config, MIGRATE: false } }), askWatch(call)])
    const stalls = merge(told, own.stalls).filter(({ subject }) => own.isAsked(subject))
    console.log(call.json ? JSON.stringify({ stalls }) : textOf(stalls))
    return stalls.some(isOpen) ? EXIT.PROBLEM : 0
  },
}

/** A stall of now, or one that the server remembers. */
type Shown = Stall & Partial<Pick<StallEpisode, 'ended'>>
type Read = { readonly stalls: readonly Stall[]; readonly isAsked: (subject: string) => boolean }

function isOpen({ ended = null }: Shown): boolean {
  return ended === null
}

/** The server knows more of what both know. */
function merge(told: readonly StallEpisode[], own: readonly Stall[]): readonly Shown[] {
  const open = told.filter(isOpen)
  const others = own.filter(one => !open.some(({ cause, subject }) => cause === one.cause && subject === one.subject))
  return [...open, ...others, ...told.filter(one => !isOpen(one))]
}

async function readOf(call: Call): Promise<Read> {
  try {
    const late = () => new StoreError('unavailable', `it could not be opened and read within ${OPEN_MS} ms`)
    return await settleWithin(
      OPEN_MS,
      withStore(call, store => readOpened(call, store)),
      late,
    )
  } catch (error) {
    // A database that cannot be opened may still say who holds it up.
    if (error instanceof StoreError) return { stalls: await readUnopened(call, error), isAsked: () => true }
    throw error
  }
}

async function readOpened(call: Call, store: Store): Promise<Read> {
  const definitions = call.serve.map(runningOf)
  const { status } = new Operations(store, definitions)
  const own = await subscriptionsOf(call, status)
  const stalls = await readStalls({ store, definitions, status, leaseMs: call.config.LEASE_MS })
  return { stalls, isAsked: subject => !own || own.has(subject) || subject === 'log' || subject === 'process' }
}

async function readUnopened({ store: given, config }: Call, error: StoreError): Promise<readonly Stall[]> {
  const store = given ?? (await storeOf(config))
  try {
    return await readLogStalls(store, error)
  } finally {
    await store.close()
  }
}

/** The subscriptions of the definition that is named, or the one that is named. Null: nothing is named. */
async function subscriptionsOf(call: Call, status: Operations['status']): Promise<ReadonlySet<string> | null> {
  const [name] = call.words
  if (name === undefined) return null
  const all = await status()
  const found = all.filter(one => one.name === name || one.definition.name === name)
  if (found.length) return new Set(found.map(one => one.name))
  const names = [...new Set(all.map(({ definition }) => definition.name))]
  throw new Misused(
    `no projection, processor, process, schedule, measure or detector is named ${plain(name)}; ${describeNames(name, names)}`,
  )
}

function textOf(found: readonly Shown[]): string {
  const calm = found.some(isOpen) ? [] : ['nothing stands still']
  return [...calm, ...found.map(stallText)].join('\n\n')
}

function stallText({ sentence, cause, since, ended = null, mend, chain }: Shown): string {
  const { bold, dim } = paintFor()
  return [
    bold(plain(sentence)),
    dim(`  ${cause}${since === null ? '' : `, since ${since}`}${ended === null ? '' : `, over at ${ended}`}`),
    ...(chain.length ? [chainText(chain)] : []),
    `  → ${plain(mend)}`,
  ].join('\n')
}

function chainText(chain: readonly DatabaseSession[]): string {
  const ms = (value: number | null) => (value === null ? '—' : formatMs(value))
  const rows = chain.map(({ pid, application, state, stateMs, waitsFor, query }) =>
    [`  ${pid}`, application || '—', state ?? 'hidden', ms(stateMs), waitsFor ?? '—', query ?? 'hidden'].map(plain),
  )
  return table(['  PID', 'NAME', 'STATE', 'FOR', 'WAITS FOR', 'STATEMENT'], rows)
}
