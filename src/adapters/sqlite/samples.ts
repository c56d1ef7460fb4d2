// Samples in the file of the log.
import type { Database } from 'bun:sqlite'
import { addMinutes, type Sample, type SampleBatch, type Samples } from '../../ports/samples/samples.ts'
import type { Statements } from './statements.ts'
import type { Sync } from './sync.ts'

export type SyncSamples = Sync<Samples>

/** Samples whose calls run when the file is free. */
export function sqliteSamples(whenFree: <T>(run: (now: SyncSamples) => T) => Promise<T>): Samples {
  return {
    add: batch => whenFree(now => now.add(batch)),
    list: filter => whenFree(now => now.list(filter)),
    forget: before => whenFree(now => now.forget(before)),
  }
}

type Row = Omit<Sample, 'minutes'> & { readonly minutes: string }

export function syncSamples(db: Database, statements: Statements): SyncSamples {
  function addSample({ hour, subject, minutes }: Sample): void {
    const found = statements.get<Row>('select minutes from samples where hour = ? and subject = ?').get(hour, subject)
    const sum = found ? addMinutes(JSON.parse(found.minutes) as number[], minutes) : minutes
    statements
      .get('insert or replace into samples (hour, subject, minutes) values (?, ?, ?)')
      .run(hour, subject, JSON.stringify(sum))
  }
  function add({ writer, number, samples }: SampleBatch): void {
    const hour = Math.max(0, ...samples.map(sample => sample.hour))
    const { changes } = statements
      .get(
        `insert into sample_writers (writer, number, hour) values (?, ?, ?)
        on conflict (writer) do update set number = excluded.number, hour = excluded.hour where number < excluded.number`,
      )
      .run(writer, number, hour)
    if (changes > 0) samples.forEach(addSample)
  }
  return {
    add: db.transaction(add).immediate,
    list: ({ after, limit }) =>
      statements
        .get<Row>(
          `select hour, subject, minutes from samples where (hour, subject) > (?, ?)
          order by hour, subject limit ?`,
        )
        .all(after.hour, after.subject, limit)
        .map(row => ({ ...row, minutes: JSON.parse(row.minutes) as number[] })),
    forget: before => {
      statements.get('delete from sample_writers where hour < ?').run(before)
      return statements.get('delete from samples where hour < ?').run(before).changes
    },
  }
}
