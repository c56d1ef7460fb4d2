import { Database } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import { cleanUp } from '../../test-support/cleanup.ts'
import { openLog, unit } from '../../test-support/sqlite.ts'

afterEach(cleanUp)

describe('the file', () => {
  const wrong = {
    'an update of an event': `update events set data = '0' where position = 1`,
    'an update in place of an insert': `insert into events select * from events where true on conflict (position) do update set data = '0'`,
    'a delete of an event': 'delete from events where position = 1',
    'a delete of all events': 'delete from events',
    'a replacement at a position': `insert or replace into events select position, stream, version, id, 'Other', schema, data, meta, at from events where position = 1`,
    'a replacement of a version': `insert or replace into events select 9, stream, version, id, 'Other', schema, data, meta, at from events where position = 1`,
    'a position that was passed': `insert into events select 1, 's-9', 1, id, type, schema, data, meta, at from events where position = 1`,
    'a version that leaves a gap': `insert into events select 9, stream, 9, id, type, schema, data, meta, at from events where position = 1`,
  }
  for (const [title, sql] of Object.entries(wrong)) {
    test(`a SQLite file refuses ${title}, whoever asks for it`, async () => {
      const { store, file } = await openLog()
      await store.append([unit('s-1', 0, 2)])
      const before = await store.readAll({ after: 0, limit: 10 })
      const other = new Database(file)
      expect(() => other.run(sql)).toThrow(/events are (immutable|appended)/)
      other.close()
      expect(await store.readAll({ after: 0, limit: 10 })).toEqual(before)
    })
  }
})
