import { expect, test } from 'bun:test'
import { readConfig } from '../config.ts'
import { testSchema } from '../test-support/schema.ts'
import { fillStore, runDoctor } from './doctor.cases.ts'

test('doctor finds a PostgreSQL well, but not one without a log or one that does not answer', async () => {
  const at = await testSchema()
  const config = readConfig({ DATABASE_URL: at.url, DATABASE_SCHEMA: at.schema })
  const before = await runDoctor(config)
  expect(before.problems).toMatchObject([
    { name: 'migrations', found: `the schema ${at.schema} has no log yet`, fix: 'run `emaki migrate`' },
  ])
  await fillStore(config)
  const after = await runDoctor(config)
  expect(after.problems).toEqual([])
  expect(after.findings.map(({ name }) => name)).toEqual([
    ...[
      'bun',
      'connection',
      'database',
      'encoding',
      'role',
      'fsync',
      'full_page_writes',
      'synchronous_commit',
      'checksums',
      'lock',
      'pooler',
      'clock',
    ],
    ...['migrations', 'rights', 'log', 'subscription process_fulfilment', 'leases', 'events', 'parked', 'agenda'],
  ])
  await at.drop()
  const away = await runDoctor(readConfig({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }))
  expect(away.problems).toMatchObject([{ name: 'connection', fix: 'start PostgreSQL, or correct DATABASE_URL' }])
})
