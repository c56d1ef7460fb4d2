import { Database } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { cleanUp } from '../../test-support/cleanup.ts'
import { openLog, unit } from '../../test-support/sqlite.ts'
import { checkSqliteIntegrity } from './integrity.ts'

afterEach(cleanUp)

describe('checkSqliteIntegrity()', () => {
  test('checkSqliteIntegrity() finds nothing wrong with a file that is served', async () => {
    const { store, file } = await openLog()
    await store.append([unit('s-1', 0, 10)])
    expect(checkSqliteIntegrity(file).map(({ name, status }) => [name, status])).toEqual([
      ['integrity_check', 'ok'],
      ['foreign_key_check', 'ok'],
    ])
  })

  test('checkSqliteIntegrity() names what is wrong with a file that was damaged', async () => {
    const { store, file } = await openLog()
    await store.append([unit('s-1', 0, 50, 1_000)])
    await store.close()
    const bytes = readFileSync(file)
    // The second half of the file: the pages of the events and of their index.
    bytes.fill(0xff, bytes.length / 2)
    writeFileSync(file, bytes)
    expect(checkSqliteIntegrity(file)[0]).toMatchObject({ name: 'integrity_check', status: 'problem' })
  })

  test('checkSqliteIntegrity() names a row that refers to none', async () => {
    const { store, file } = await openLog()
    await store.close()
    const db = new Database(file)
    db.run('create table owners (id integer primary key)')
    db.run('create table owned (owner integer references owners)')
    db.run('insert into owned values (7)')
    db.close()
    expect(checkSqliteIntegrity(file)[1]).toMatchObject({ status: 'problem', found: 'owned, row 1' })
  })
})
