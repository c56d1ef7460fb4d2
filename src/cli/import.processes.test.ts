// import and export as their callers see them: each test runs the fines as a process of its own.
import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { postgres } from '../adapters/postgres/store.ts'
import { sqlite } from '../adapters/sqlite/store.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { type TestSchema, testSchema } from '../test-support/schema.ts'
import { until } from '../test-support/servers/until.ts'

const MAIN = join(import.meta.dir, '../../examples/fines/main.ts')
const HEADER =
  'case_id,activity,timestamp,amount,expense,paymentamount,totalpaymentamount,points,article,vehicleclass,dismissal,notificationtype,lastsent'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'emaki-import-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

type Environment = Readonly<Record<string, string>>
const onSqlite = (): Environment => ({ SQLITE_FILE: join(folder, 'log.db') })
const onPostgres = ({ url, schema }: TestSchema): Environment => ({ DATABASE_URL: url, DATABASE_SCHEMA: schema })

function start(args: readonly string[], environment: Environment): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
  const env = { PATH: process.env['PATH'] ?? '', ...environment }
  return Bun.spawn([process.execPath, MAIN, ...args], { cwd: folder, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
}

async function runCommand(args: readonly string[], environment: Environment = onSqlite()) {
  const child = start(args, environment)
  const [printed, wrong, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, printed, wrong }
}

function file(name: string, lines: readonly string[]): string {
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`)
  return name
}

/** Payments, each of another amount, so that the log shows which lines it holds, and in which order. */
function payments(many: number): string {
  const lines = Array.from({ length: many }, (_, i) => `F${i % 5_000},Payment,2007-01-01,,,${i},,,,,,,`)
  return file('payments.csv', [HEADER, ...lines])
}

async function withStore(environment: Environment, run: (store: Store) => Promise<void>): Promise<void> {
  const { SQLITE_FILE, DATABASE_URL, DATABASE_SCHEMA } = environment
  const store = SQLITE_FILE ? sqlite(SQLITE_FILE, { exclusive: false }) : postgres(DATABASE_URL!, { schema: DATABASE_SCHEMA! })
  await store.open()
  try {
    await run(store)
  } finally {
    await store.close()
  }
}

async function readAllEvents(store: Store): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = []
  for (;;) {
    const page = await store.readAll({ after: events.at(-1)?.position ?? 0, limit: 10_000 })
    if (!page.length) return events
    events.push(...page)
  }
}

const centsOf = ({ data }: StoredEvent): number => (JSON.parse(data) as { cents: number }).cents

describe('import', () => {
  test('import takes a CSV by a map of the app, and keeps the original times', async () => {
    const name = file('two.csv', [
      HEADER,
      'A1,Create Fine,2006-07-24,35.0,,,0.0,0,157,A,NIL,,',
      'A1,Send Fine,2006-12-05,,18.6,,,,,,,,',
    ])
    const { code, printed } = await runCommand(['import', name, '--map', 'fines'])
    expect([code, printed.includes('imported 2 events')]).toEqual([0, true])
    await withStore(onSqlite(), async store => {
      const events = await store.read('fine-A1', { after: 0, limit: 10 })
      expect(events.map(({ type }) => type)).toEqual(['Created', 'Sent'])
      expect(events[1]!.data).toBe('{"day":"2006-12-05","expenseCents":1860}')
      expect(JSON.parse(events[1]!.meta)).toMatchObject({ occurredAt: '2006-12-05T00:00:00Z' })
    })
    const again = await runCommand(['import', name, '--map', 'fines'])
    expect(again.printed).toContain('imported 0 events; 2 were in the log already')
    await withStore(onSqlite(), async store => expect(await store.head()).toBe(2))
  })

  test('import ends with 65, the numbers of bad lines and their reasons, and an empty log; with --skip-bad it imports the others', async () => {
    const good = 'A1,Payment,2007-01-01,,,870,,,,,,,'
    const bad = ['A1,Payment,2007-13-01,,,870,,,,,,,', 'A1,Payment,2007-01-01,,,8.70,,,,,,,', 'A1,Parking,2007-01-01,,,,,,,,,,']
    const name = file('bad.csv', [HEADER, good, ...bad, 'A1,Payment', good])
    const { code, wrong } = await runCommand(['import', name, '--map', 'fines'])
    expect(code).toBe(65)
    expect(wrong).toContain('4 bad lines, nothing was imported')
    expect(wrong).toContain('line 3: timestamp')
    expect(wrong).toContain('line 4: paymentamount')
    expect(wrong).toContain('line 5: activity')
    expect(wrong).toContain('line 6: ')
    await withStore(onSqlite(), async store => expect(await store.head()).toBe(0))
    const skipping = await runCommand(['import', name, '--map', 'fines', '--skip-bad'])
    expect([skipping.code, skipping.printed.includes('imported 2 events, 4 bad lines skipped')]).toEqual([0, true])
  })

  test('import reads a map from a file, and JSONL by it', async () => {
    const map = join(folder, 'map.ts')
    const root = join(import.meta.dir, '../..')
    writeFileSync(
      map,
      `import { importMap } from '${root}/src/index.ts'
       import { z } from '${root}/node_modules/zod'
       import { Fine } from '${root}/examples/fines/fine.ts'
       export default importMap({
         from: Fine,
         record: z.object({ fine: z.string(), paid: z.array(z.int()) }),
         map: ({ fine, paid }, line) => line === 2 ? null : paid.map(cents => ({ stream: 'fine-' + fine, event: Fine.Paid({ day: '2007-01-01', cents }) })),
       })`,
    )
    const name = file('paid.jsonl', ['{"fine":"a","paid":[1,2]}', '{"fine":"b","paid":[9]}', '', '{"fine":"a","paid":[3]}'])
    expect((await runCommand(['import', name, '--map', 'map.ts'])).printed).toContain('imported 3 events')
    await withStore(onSqlite(), async store => expect((await readAllEvents(store)).map(centsOf)).toEqual([1, 2, 3]))
  })

  test('import says what is wrong with its arguments', async () => {
    const csv = file('a.csv', [HEADER])
    const refusals: readonly [readonly string[], number, string][] = [
      [['import'], 64, 'usage'],
      [['import', 'none.csv', '--map', 'fines'], 66, 'none.csv does not exist'],
      [['import', csv], 64, 'a CSV file needs --map'],
      [['import', csv, '--map', 'none'], 64, 'there is no map none; this app has fines'],
      [['import', file('a.txt', ['']), '--map', 'fines'], 64, '--format is jsonl or csv'],
      [['import', csv, '--after', '1'], 64, 'import has no option --after'],
      [['export', '--format', 'xml'], 64, '--format is jsonl or cloudevents'],
      [['export', '--after', 'now'], 64, '--after is a position'],
    ]
    for (const [args, code, text] of refusals) {
      const ended = await runCommand(args)
      expect([args, ended.code, ended.wrong.includes(text)]).toEqual([args, code, true])
    }
  })

  test('import brings nothing of an export of the same log, and all of it to another one, once', async () => {
    await runCommand(['import', payments(10), '--map', 'fines'])
    await runCommand(['export', 'own.jsonl'])
    await runCommand(['export', 'end.jsonl', '--after', '5'])
    expect((await runCommand(['import', 'own.jsonl'])).printed).toContain('imported 0 events; 10 were in the log already')
    expect((await runCommand(['import', 'end.jsonl'])).printed).toContain('imported 0 events; 5 were in the log already')
    await withStore(onSqlite(), async store => expect(await store.head()).toBe(10))
    const elsewhere = { SQLITE_FILE: join(folder, 'other.db') }
    expect((await runCommand(['import', 'own.jsonl'], elsewhere)).printed).toContain('imported 10 events\n')
    expect((await runCommand(['import', 'own.jsonl'], elsewhere)).printed).toContain('imported 0 events; 10 were')
  })

  test('import --new refuses streams that have events already', async () => {
    await runCommand(['import', payments(10), '--map', 'fines'])
    const name = payments(11)
    const { code, wrong } = await runCommand(['import', name, '--map', 'fines', '--new'])
    expect([code, wrong]).toEqual([0, expect.anything()])
    const more = file('more.csv', [HEADER, 'F1,Payment,2008-01-01,,,7,,,,,,,'])
    const refused = await runCommand(['import', more, '--map', 'fines', '--new'])
    expect([refused.code, refused.wrong.includes('fine-F1 had events before the import began')]).toEqual([65, true])
    expect((await runCommand(['import', more, '--map', 'fines'])).code).toBe(0)
    await withStore(onSqlite(), async store => expect(await store.head()).toBe(12))
  })
})

/** Runs an import that is killed again and again, the first time before anything is moved, then with ever more in the log. */
async function killRepeatedly(
  environment: Environment,
  head: () => number | Promise<number>,
  isReading: () => boolean | Promise<boolean>,
  hasSessions: () => boolean | Promise<boolean> = () => false,
) {
  const many = 24_000
  const args = ['import', payments(many), '--map', 'fines']
  const heads: number[] = []
  for (let round = 0; round < 5; round++) {
    const from = await head()
    const wanted = from + 1 + Math.floor(Math.random() * 1_500)
    const child = start(args, environment)
    const isInTheMiddle = async () => (round === 0 && (await isReading())) || (await head()) >= wanted
    await until('there is something to interrupt', isInTheMiddle)
    child.kill('SIGKILL')
    await child.exited
    // A commit that was on its way is still made.
    await until('its sessions have ended', async () => !(await hasSessions()))
    heads.push(await head())
  }
  const { code, printed } = await runCommand(args, environment)
  const before = heads.at(-1)!
  expect([code, printed]).toEqual([
    0,
    `imported ${(many - before).toLocaleString('en')} events; ${before.toLocaleString('en')} were in the log already\n`,
  ])
  // Each round but the first was killed in the middle, or this would prove nothing.
  expect(heads.slice(1).every((at, i) => at > (heads[i] ?? 0) && at <= many)).toBe(true)
  expect(heads[1]).toBeLessThan(many)
  await withStore(environment, async store => {
    const events = await readAllEvents(store)
    expect(events.map(event => centsOf(event) / 10)).toEqual(Array.from({ length: many }, (_, i) => i))
    const versions = new Map<string, number>()
    for (const { stream, version } of events) {
      expect(version).toBe((versions.get(stream) ?? 0) + 1)
      versions.set(stream, version)
    }
  })
}

describe('an import that is killed', () => {
  test('an import that is killed five times and run again leaves each record in the log once, in order, on SQLite', async () => {
    const path = join(folder, 'log.db')
    const countRows = (sql: string) => {
      if (!existsSync(path)) return 0
      using db = new Database(path, { readonly: true })
      db.run('pragma busy_timeout = 300000')
      return db.query<{ many: number }, []>(sql).get()?.many ?? 0
    }
    const isMigrated = () => countRows("select count(*) as many from sqlite_schema where name = 'imports'") > 0
    const head = () => (isMigrated() ? countRows('select coalesce(max(position), 0) as many from events') : 0)
    await killRepeatedly(onSqlite(), head, isMigrated)
  })

  test('an import that is killed five times and run again leaves each record in the log once, in order, on PostgreSQL', async () => {
    const at = await testSchema()
    try {
      const countRows = async (sql: string) => Number((await at.sql.unsafe(sql))[0]?.['many'])
      const isMigrated = async () =>
        (await countRows(
          `select count(*) as many from pg_tables where schemaname = '${at.schema}' and tablename = 'import_rows'`,
        )) > 0
      // Records are staged by a session of their own, and moved by those of the store.
      const countSessions = (...names: readonly string[]) =>
        countRows(
          `select count(*) as many from pg_stat_activity where application_name like any (array['${names.join("', '")}'])`,
        )
      const url = new URL(at.url)
      url.searchParams.set('application_name', 'killed-import')
      await killRepeatedly(
        onPostgres({ ...at, url: url.href }),
        async () => ((await isMigrated()) ? countRows(`select coalesce(max(position), 0) as many from ${at.schema}.events`) : 0),
        async () => (await countSessions('emaki % import')) > 0,
        async () => (await countSessions('emaki % import', 'killed-import')) > 0,
      )
    } finally {
      await at.drop()
    }
  })
})

describe('export', () => {
  test('export gives a whole file that an import takes back: the same streams, versions, ids and bytes', async () => {
    await runCommand(['import', payments(3_000), '--map', 'fines'])
    expect((await runCommand(['export', 'log.jsonl'])).code).toBe(0)
    expect(readdirSync(folder).filter(name => name.includes('partial'))).toEqual([])
    const at = await testSchema()
    try {
      expect((await runCommand(['import', 'log.jsonl'], onPostgres(at))).code).toBe(0)
      await withStore(onSqlite(), first =>
        withStore(onPostgres(at), async second => {
          const withoutTimes = (events: readonly StoredEvent[]) => events.map(({ at: _, ...event }) => event)
          expect(withoutTimes(await readAllEvents(second))).toEqual(withoutTimes(await readAllEvents(first)))
        }),
      )
      await runCommand(['export', 'again.jsonl'], onPostgres(at))
      const readWithoutTimes = (name: string) => readFileSync(join(folder, name), 'utf8').replaceAll(/"at":"[^"]+"/g, '')
      expect(readWithoutTimes('again.jsonl')).toBe(readWithoutTimes('log.jsonl'))
    } finally {
      await at.drop()
    }
  })

  test('export goes through a pipe into another log', async () => {
    await runCommand(['import', payments(1_500), '--map', 'fines'])
    const env = { PATH: process.env['PATH'] ?? '', ...onSqlite() }
    const self = `"${process.execPath}" "${MAIN}"`
    const piped = Bun.spawn(['bash', '-c', `set -o pipefail; ${self} export | SQLITE_FILE=other.db ${self} import -`], {
      cwd: folder,
      env,
      stderr: 'ignore',
    })
    expect(await piped.exited).toBe(0)
    await withStore(onSqlite(), first =>
      withStore({ SQLITE_FILE: join(folder, 'other.db') }, async second =>
        expect((await readAllEvents(second)).map(({ id, data }) => [id, data])).toEqual(
          (await readAllEvents(first)).map(({ id, data }) => [id, data]),
        ),
      ),
    )
  })

  test('export gives only the events that are asked for', async () => {
    await runCommand(['import', payments(5_010), '--map', 'fines'])
    const positions = async (...args: readonly string[]) =>
      (await runCommand(['export', ...args])).printed
        .split('\n')
        .filter(Boolean)
        .map(line => (JSON.parse(line) as StoredEvent).position)
    expect(await positions('--after', '5007')).toEqual([5_008, 5_009, 5_010])
    expect(await positions('--stream', 'fine-F3')).toEqual([4, 5_004])
    expect(await positions('--stream', 'fine-F3', '--after', '4')).toEqual([5_004])
    expect((await positions('--category', 'fine')).length).toBe(5_010)
    expect(await positions('--category', 'order')).toEqual([])
  })

  test('export ends quietly when its reader is gone', async () => {
    await runCommand(['import', payments(20_000), '--map', 'fines'])
    const env = { PATH: process.env['PATH'] ?? '', ...onSqlite() }
    const piped = Bun.spawn(
      ['bash', '-c', `"${process.execPath}" "${MAIN}" export | head -n 2; echo "ended with \${PIPESTATUS[0]}"`],
      {
        cwd: folder,
        env,
        stdout: 'pipe',
        stderr: 'pipe',
      },
    )
    const [printed, wrong] = await Promise.all([piped.stdout.text(), piped.stderr.text()])
    expect(printed.split('\n').length).toBe(4)
    expect(printed).toContain('ended with 0')
    expect(wrong).toBe('')
  })

  test('export leaves the file that was there where it does not come to its end', async () => {
    writeFileSync(join(folder, 'kept.jsonl'), 'before')
    const { code } = await runCommand(['export', 'kept.jsonl'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
    expect(code).toBe(69)
    expect(readFileSync(join(folder, 'kept.jsonl'), 'utf8')).toBe('before')
  })
})
