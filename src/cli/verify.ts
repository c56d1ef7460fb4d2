// verify: checks that the log fits the promises of a store. Gives exit code 1 if it does not.
import type { EventsSpec } from '../definitions/event/events.ts'
import { runningOf, type Served } from '../definitions/definition.ts'
import type { Diagnosis } from '../ports/store/diagnosis.ts'
import type { Store } from '../ports/store/store.ts'
import type { AddBreach } from '../subscription/promises/add-breach.ts'
import { LogCheck } from '../subscription/promises/log-check.ts'
import { withBreaches } from './breaches.ts'
import { type VerifyResult, verifyLog } from '../transfer/verify.ts'
import { EXIT } from './exit-codes.ts'
import { progress } from './progress.ts'
import { withStore } from './opened.ts'
import type { Call, Verb } from './verb.ts'

export const verifyVerb: Verb = {
  // It finds a changed event that still fits where a server has sealed it before.
  does: 'check the whole log, and the database below it: versions have no hole, ids are unique, payloads can be read, tables and indexes agree; exits with 1 if something is wrong',
  json: true,
  run: verify,
}

/** Verifies the log; gives the exit code. */
function verify(call: Call): Promise<number> {
  return withStore(call, async store => {
    const shown = progress('verify', 'positions')
    const found = await verifyLog(store, familiesOf(call.serve), shown.update)
    const changed = await keepBreaches(store, found)
    const { events, position, wrong, count } = found
    shown.end(
      `${events.toLocaleString('en')} events up to ${position} verified, ${count.toLocaleString('en')} wrong, ${changed.length} sealed stretches changed`,
    )
    const database = call.store ? [] : await checkDatabase(call)
    if (call.json) console.log(JSON.stringify({ ...found, changed, database }))
    else for (const one of wrong) console.log(`${one.position}  ${one.stream} ${one.version}  ${one.problem}`)
    for (const message of call.json ? [] : changed) console.log(message)
    for (const { name, status, found, fix } of call.json ? [] : database) {
      // What was not checked is no finding about the log, and goes beside the figures.
      if (status === 'problem') console.log(`${name}  ${found}`)
      if (status === 'warning') console.error(`${name}: ${found}; ${fix}`)
    }
    return count === 0 && changed.length === 0 && database.every(({ status }) => status !== 'problem') ? 0 : EXIT.PROBLEM
  })
}

/** Keeps what breaks a promise, and gives what the seals show: the stretches of the log that are not as they were. */
function keepBreaches(store: Store, { wrong }: VerifyResult): Promise<readonly string[]> {
  return withBreaches(store, 'verify', async add => {
    for (const { promise, stream, version, position, problem } of wrong) {
      const subject = stream === '' ? `position ${position}` : `${stream} ${version}`
      if (promise) await add({ promise, subject, message: `The event ${subject} at position ${position}: ${problem}.` })
    }
    const changed: string[] = []
    const addBreach: AddBreach = async breach => {
      // All else is found above, in the whole log.
      if (breach.promise !== 'immutability') return
      changed.push(breach.message)
      await add(breach)
    }
    await new LogCheck({ store, addBreach }).checkAll()
    return changed
  })
}

/** Checks the database with what it has for that. */
async function checkDatabase({ config }: Call): Promise<readonly Diagnosis[]> {
  const { DATABASE_URL: url, DATABASE_SCHEMA, SQLITE_FILE } = config
  if (url === undefined) return (await import('../adapters/sqlite/integrity.ts')).checkSqliteIntegrity(SQLITE_FILE)
  return (await import('../adapters/postgres/integrity.ts')).checkPostgresIntegrity(url, DATABASE_SCHEMA)
}

/** The families of all served definitions, by category. */
function familiesOf(serve: readonly Served[]): ReadonlyMap<string, EventsSpec> {
  const families = new Map<string, EventsSpec>()
  for (const one of serve) {
    // A decider has one family, a subscription has several, and a query has none.
    const { events, families: several } = runningOf(one) as { events?: EventsSpec; families?: ReadonlyMap<string, EventsSpec> }
    for (const family of [...(events ? [events] : []), ...(several?.values() ?? [])]) families.set(family.name, family)
  }
  return families
}
