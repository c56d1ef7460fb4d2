// A verb whose configuration names no log, as after a typing mistake, refuses it by name and makes none.
import { afterAll, afterEach, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, readConfig } from '../config.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { shop } from '../test-support/fulfilment.ts'
import { runVerb, type VerbCall } from '../test-support/run-verb.ts'
import { testSchema } from '../test-support/schema.ts'
import { things } from '../test-support/shop.ts'
import { tools } from './tools.ts'
import { verbs } from './verbs.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-missing-log-'))
afterEach(cleanUp)
afterAll(() => rmSync(folder, { recursive: true }))

/** Verbs that need no app, and so no log. */
const WITHOUT_APP = ['compare']

/** Verbs that make a log, that find its absence themselves, that ask a server, or that need neither. */
const OTHERS = ['serve', 'migrate', 'import', 'doctor', 'health', 'logs', 'levels', 'flow']

/** The words and options of each verb that needs a log, so that it gets as far as to open it. */
const CALLS: Readonly<Record<string, Pick<VerbCall, 'words' | 'values'>>> = {
  streams: {},
  events: {},
  replay: { words: ['order-o1'] },
  refusals: {},
  timers: {},
  agenda: {},
  processes: {},
  status: {},
  why: {},
  pause: { words: ['process_fulfilment'] },
  resume: { words: ['process_fulfilment'] },
  findings: {},
  backtest: {},
  parked: {},
  unpark: { words: ['process_fulfilment', 'a'] },
  skip: { words: ['process_fulfilment', 'a'], values: { yes: true } },
  rebuild: { words: ['things'] },
  reset: { words: ['process_fulfilment'], values: { yes: true } },
  audit: { words: ['things'] },
  views: {},
  verify: {},
  breaches: {},
  restore: { values: { yes: true } },
  imports: {},
  export: {},
}

test('each verb of the command line makes a log, or has a call below that needs one', () => {
  expect([...OTHERS, ...Object.keys(CALLS)].toSorted()).toEqual(Object.keys(verbs).toSorted())
})

test('each verb of emaki alone has a row above, and no app has it', () => {
  expect(WITHOUT_APP).toEqual(Object.keys(tools))
  expect(WITHOUT_APP.filter(name => Object.hasOwn(verbs, name))).toEqual([])
})

test.each(Object.entries(CALLS))('%s refuses a file that does not exist, and makes none', async (name, call) => {
  const file = join(folder, 'none', 'typo.db')
  const running = runVerb(verbs[name]!, { serve: [...shop, things], config: readConfig({ SQLITE_FILE: file }), ...call })
  const error = await running.catch((error: unknown) => error)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as Error).message).toContain(`SQLITE_FILE: there is no log in the file ${file}`)
  expect(existsSync(join(folder, 'none'))).toBe(false)
})

test('a verb that reads refuses a database of something else, and leaves it as it was', async () => {
  const file = join(folder, 'other.db')
  new Database(file).run('create table other (n integer)')
  const run = () => runVerb(verbs['events']!, { serve: shop, config: readConfig({ SQLITE_FILE: file }) })
  await expect(run()).rejects.toThrow(`there is no log in the file ${file}`)
  expect(new Database(file).query('select name from sqlite_schema').all()).toEqual([{ name: 'other' }])
  writeFileSync(file, 'This is a text, and no database.')
  await expect(run()).rejects.toThrow(`${file}: file is not a database`)
  expect(readdirSync(folder)).toEqual(['other.db'])
})

test('a verb that reads refuses a schema of PostgreSQL that has no log, and makes none', async () => {
  const own = await testSchema()
  cleanUpLater(own.drop)
  const config = readConfig({ DATABASE_URL: own.url, DATABASE_SCHEMA: own.schema })
  await expect(runVerb(verbs['events']!, { serve: shop, config })).rejects.toThrow(
    `there is no log in the schema ${own.schema} of the database`,
  )
  expect(await own.sql`select from pg_namespace where nspname = ${own.schema}`).toHaveLength(0)
})

test('import makes the log that its configuration names', async () => {
  const [file, records] = [join(folder, 'new', 'log.db'), join(folder, 'records.jsonl')]
  writeFileSync(records, '')
  const config = readConfig({ SQLITE_FILE: file })
  const { code } = await runVerb(verbs['import']!, { serve: shop, config, words: [records] })
  expect([code, existsSync(file)]).toEqual([0, true])
})
