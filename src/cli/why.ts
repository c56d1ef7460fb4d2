// why: what stands still, since when, who blocks whom, and what mends it.
import { storeOf } from '../config.ts'
import { definitionOf } from '../definitions/definition.ts'
import { describeNames } from '../definitions/nearest-name.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { DatabaseSession } from '../ports/store/waits.ts'
import { readLogStalls, readStalls } from '../stalls/read-facts.ts'
import { formatMs, type Stall } from '../stalls/stall.ts'
import { Operations } from '../subscription/operations.ts'
import { EXIT } from './exit-codes.ts'
import { withStore } from './opened.ts'
import { table } from './table.ts'
import { type Call, Misused, type Verb } from './verb.ts'

export const whyVerb: Verb = {
  takes: '[NAME]',
  does: 'tell what stands still, since when, who blocks whom, and what mends it; exits with 1 if something does',
  json: true,
  run: async call => {
    const found = await readOf({ ...call, config: { ...call.config, MIGRATE: false } })
    console.log(call.json ? JSON.stringify({ stalls: found }) : textOf(found))
    return found.length ? EXIT.PROBLEM : 0
  },
}

async function readOf(call: Call): Promise<readonly Stall[]> {
  try {
    return await withStore(call, store => readOpened(call, store))
  } catch (error) {
    // A database that cannot be opened may still say who holds it up.
    if (error instanceof StoreError) return readUnopened(call, error)
    throw error
  }
}

async function readOpened(call: Call, store: Parameters<typeof readStalls>[0]['store']): Promise<readonly Stall[]> {
  const definitions = call.serve.map(definitionOf)
  const { status } = new Operations(store, definitions)
  const own = await subscriptionsOf(call, status)
  const found = await readStalls({ store, definitions, status, leaseMs: call.config.LEASE_MS })
  return found.filter(({ subject }) => !own || own.has(subject) || subject === 'log')
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
  throw new Misused(`no projection, processor, process or schedule is named ${plain(name)}; ${describeNames(name, names)}`)
}

function textOf(found: readonly Stall[]): string {
  return found.length ? found.map(stallText).join('\n\n') : 'nothing stands still'
}

function stallText({ sentence, cause, since, mend, chain }: Stall): string {
  const { bold, dim } = paintFor()
  return [
    bold(plain(sentence)),
    dim(`  ${cause}${since === null ? '' : `, since ${since}`}`),
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
