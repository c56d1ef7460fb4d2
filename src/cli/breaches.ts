// breaches: shows which promises do not hold, as a server or a verb has found, and forgets them once they are mended.
import type { Breach, Promises } from '../ports/promises/promises.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { type AddBreach, breachAdder } from '../subscription/promises/add-breach.ts'
import type { Store } from '../ports/store/store.ts'
import { EXIT } from './exit-codes.ts'
import { withStore } from './opened.ts'
import { table } from './table.ts'
import { type Call, Misused, type Verb } from './verb.ts'

export const breachesVerb: Verb = {
  takes: '[forget]',
  does: 'show which promises do not hold, as a server, verify or audit has found; exits with 1 if there are any. forget: they are mended, and the log is sealed anew as it is',
  json: true,
  run: call => (call.words.length ? forget(call) : list(call)),
}

async function list(call: Call): Promise<number> {
  const found = await withStore(call, store => store.promises.breaches())
  if (call.json) console.log(JSON.stringify(found))
  else console.log(found.length ? breachesTable(found) : 'no breach of a promise is known')
  return found.length === 0 ? 0 : EXIT.PROBLEM
}

async function forget(call: Call): Promise<number> {
  if (call.words.length !== 1 || call.words[0] !== 'forget') throw new Misused('breaches takes no words, or: forget')
  const forgotten = await withStore(call, store => forgetAll(store.promises))
  console.log(call.json ? JSON.stringify({ forgotten }) : `${forgotten} forgotten; the log is sealed anew as it is`)
  return 0
}

/** Without the seals of before, what was found by them is not found again. */
async function forgetAll(promises: Promises): Promise<number> {
  await promises.forgetSeals()
  return promises.forgetBreaches()
}

function breachesTable(breaches: readonly Breach[]): string {
  const rows = breaches.map(({ promise, subject, message, foundBy, at }) => {
    return [new Date(at).toISOString(), promise, plain(subject), foundBy, plain(message)]
  })
  return table(['FOUND', 'PROMISE', 'SUBJECT', 'BY', 'WHAT'].map(paintFor().bold), rows)
}

/**
 * Runs with a function that keeps what a verb finds, so that the running servers report it. Where it cannot be kept, as
 * a user may only read, that is printed once.
 */
export async function withBreaches<T>(
  store: Pick<Store, 'promises'>,
  verb: string,
  run: (add: AddBreach) => Promise<T>,
): Promise<T> {
  const add = breachAdder(store, verb, Date.now)
  let failure: unknown = null
  const result = await run(breach =>
    add(breach).catch(error => {
      failure = error
    }),
  )
  if (failure !== null) console.error(`What was found is not kept for the running servers: ${String(failure)}`)
  return result
}
