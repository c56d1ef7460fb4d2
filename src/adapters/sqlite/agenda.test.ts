import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from './store.ts'

test('an entry that an earlier release took for a time beyond any calendar is listed with the last time that there is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-agenda-'))
  const file = join(folder, 'log.db')
  const store = sqlite(file)
  await store.open()
  const entry = { id: 't', owner: 'process_p', key: 'k', timer: 't', command: null, meta: '{}', due: 1, set: 1 }
  await store.agenda.schedule(entry)
  {
    using other = new Database(file)
    other.run('update agenda set due = 8640000000000000000')
  }
  expect((await store.agenda.list({ limit: 1 })).map(({ due }) => due)).toEqual(['9999-12-31T23:59:59.999Z'])
  await store.close()
  rmSync(folder, { recursive: true })
})
