// What is known of promises, in the file of the log.
import { type Breach, BREACHES_MAX, type Promises, type Seal } from '../../ports/promises/promises.ts'
import type { Statements } from './statements.ts'
import type { Sync } from './sync.ts'

export type SyncPromises = Sync<Promises>

/** The promises whose calls run when the file is free. */
export function sqlitePromises(whenFree: <T>(run: (now: SyncPromises) => T) => Promise<T>): Promises {
  return {
    addBreach: breach => whenFree(now => now.addBreach(breach)),
    breaches: () => whenFree(now => now.breaches()),
    forgetBreaches: () => whenFree(now => now.forgetBreaches()),
    seal: seal => whenFree(now => now.seal(seal)),
    sealFrom: position => whenFree(now => now.sealFrom(position)),
    lastSeal: () => whenFree(now => now.lastSeal()),
    forgetSeals: () => whenFree(now => now.forgetSeals()),
  }
}

const SEALS = 'select after, until, count, digest, last_at as lastAt, epoch from seals'

export function syncPromises(statements: Statements): SyncPromises {
  return {
    addBreach: ({ promise, subject, message, foundBy, at }) =>
      statements
        .get(
          `insert into breaches (promise, subject, message, found_by, at)
          select ?1, ?2, ?3, ?4, ?5 where (select count(*) from breaches where promise = ?1) < ?6
          on conflict (promise, subject) do nothing`,
        )
        .run(promise, subject, message, foundBy, at, BREACHES_MAX).changes > 0,
    breaches: () =>
      statements
        .get<Breach>('select promise, subject, message, found_by as foundBy, at from breaches order by at, promise, subject')
        .all(),
    forgetBreaches: () => statements.get('delete from breaches').run().changes,
    seal: ({ after, until, count, digest, lastAt, epoch }) => {
      statements
        .get('insert or replace into seals (after, until, count, digest, last_at, epoch) values (?, ?, ?, ?, ?, ?)')
        .run(after, until, count, digest, lastAt, epoch)
    },
    sealFrom: position => statements.get<Seal>(`${SEALS} where after >= ? order by after limit 1`).get(position) ?? null,
    lastSeal: () => statements.get<Seal>(`${SEALS} order by after desc limit 1`).get() ?? null,
    forgetSeals: () => statements.get('delete from seals').run().changes,
  }
}
