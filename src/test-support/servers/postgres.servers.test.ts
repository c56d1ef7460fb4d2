import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readlinkSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { childProcesses } from './child-processes.ts'
import { type PostgresServer, startPostgres, testPostgres } from './postgres.ts'
import { until } from './until.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

describe('startPostgres', () => {
  test('startPostgres() gives a durable server by default', async () => {
    const rows = await query(
      server.url,
      sql => sql`select name, setting from pg_settings where name in ('fsync', 'synchronous_commit')`,
    )
    expect(rows.map(row => row['setting'])).toEqual(['on', 'on'])
  })

  test('startPostgres() gives a server that listens on the loopback address and nowhere else', async () => {
    const name = 'listen_addresses'
    const [row] = await query(
      server.url,
      sql => sql`select current_setting(${name}), current_setting('unix_socket_directories') as sockets`,
    )
    expect(row).toMatchObject({ current_setting: '127.0.0.1', sockets: '' })
  })

  test('startPostgres() takes further settings', async () => {
    await using other = await startPostgres({ settings: { max_connections: 7, synchronous_commit: false } })
    const [row] = await query(
      other.url,
      sql => sql`select current_setting('max_connections') as a, current_setting('synchronous_commit') as b`,
    )
    expect(row).toMatchObject({ a: '7', b: 'off' })
  })

  test('startPostgres() shows the log of a server that cannot start', async () => {
    const start = startPostgres({ settings: { shared_buffers: 'plenty' } })
    await expect(start).rejects.toThrow(/ended while it started.*shared_buffers/s)
  })

  test('databases of one server that are created at once share nothing', async () => {
    const urls = await Promise.all([1, 2, 3].map(() => server.createDatabase()))
    expect(new Set(urls).size).toBe(3)
    for (const url of urls) await query(url, sql => sql`create table only_here (n int)`)
  })

  test('a PostgreSQL leaves nothing behind after stop', async () => {
    const other = await startPostgres()
    const pids = [other.pid, ...childProcesses(other.pid)]
    await other.stop()
    await until('nothing is left', () => !pids.some(isAlive) && !existsSync(other.folder))
  })
})

describe('kill', () => {
  test('killing PostgreSQL by SIGKILL ends every process at once, and committed rows are there after restart', async () => {
    const url = await server.createDatabase()
    await query(url, sql => sql`create table kept as select 1 as n`)
    const pids = [server.pid, ...childProcesses(server.pid)]
    await server.kill('SIGKILL')
    await until('all processes are dead', () => !pids.some(isAlive))
    await server.restart()
    expect(await query(url, sql => sql`select n from kept`)).toMatchObject([{ n: 1 }])
  })

  test('killing PostgreSQL ends a client in the middle of its statement', async () => {
    const sql = postgres(server.url, { max: 1, onnotice: () => {} })
    await sql`select 1`
    const asleep = sql`select pg_sleep(60)`.catch(error => error.code)
    await until('the statement runs', async () => {
      const rows = await query(server.url, other => other`select 1 from pg_stat_activity where query like 'select pg_sleep%'`)
      return rows.length === 1
    })
    await server.kill('SIGKILL')
    expect(await asleep).toMatch(/CONNECTION_(CLOSED|ENDED)|ECONNRE/)
    await sql.end({ timeout: 0 })
    await server.restart()
  })

  test('killing PostgreSQL by SIGINT shuts down cleanly', async () => {
    await server.kill('SIGINT')
    expect(await Bun.file(`${server.folder}/log`).text()).toContain('database system is shut down')
    await server.restart()
  })

  test('killing PostgreSQL by SIGSTOP freezes all processes with connections open, and SIGCONT lets them go on', async () => {
    const sql = postgres(server.url, { max: 1 })
    await sql`select 1`
    await server.kill('SIGSTOP')
    let answered = false
    const answer = sql`select 2 as n`.then(rows => {
      answered = true
      return rows
    })
    await until('all processes are stopped', () => [server.pid, ...childProcesses(server.pid)].every(isStopped))
    expect(answered).toBeFalse()
    await server.kill('SIGCONT')
    expect(await answer).toMatchObject([{ n: 2 }])
    await sql.end()
  })

  test('killing PostgreSQL stops a frozen server, too', async () => {
    const other = await startPostgres()
    await other.kill('SIGSTOP')
    await other.stop()
    await until('it is dead', () => !isAlive(other.pid))
  })
})

describe('the end of the test process', () => {
  const start = `const server = await startPostgres(); console.log(JSON.stringify({ pid: server.pid, folder: server.folder }))`

  test.each([
    ['ends', '', 0],
    ['crashes', 'process.abort()', 134],
    ['throws', 'throw new Error("on purpose")', 1],
    ['is killed by SIGKILL', 'process.kill(process.pid, "SIGKILL")', 137],
  ])('a PostgreSQL server is ended and its folder deleted when the test process %s', async (_, end, code) => {
    const { exitCode, stdout } = await runScript(`${start}; ${end}`)
    const { pid, folder } = JSON.parse(stdout)
    expect(exitCode).toBe(code)
    await until('the server is gone', () => !isAlive(pid) && !existsSync(folder))
  })

  test.each([150, 250, 350, 500])(
    'a PostgreSQL server leaves nothing behind when the test process is killed %d ms after its own start',
    async delayMs => {
      const folder = mkdtempSync(join(tmpdir(), 'emaki-killed-'))
      chmodSync(folder, 0o777)
      await runScript('await startPostgres()', { TMPDIR: folder }, delayMs)
      await until('nothing is left', () => readdirSync(folder).length === 0 && processesBelow(folder).length === 0)
      rmdirSync(folder)
    },
  )
})

describe('testPostgres', () => {
  test('testPostgres() gives every caller the same server, and every call another database', async () => {
    const [first, second] = await Promise.all([testPostgres(), testPostgres()])
    expect(first).toBe(second)
    expect(await first.createDatabase('one')).not.toBe(await first.createDatabase('one'))
  })

  test('testPostgres() uses the server at DATABASE_URL, and drops what an earlier run forgot there', async () => {
    const old = `emaki_test_old_${Date.now() - 7_200_000}_abcdef`
    const foreign = `emaki_test_mine`
    await query(server.url, sql => sql`create database ${sql(old)}`)
    await query(server.url, sql => sql`create database ${sql(foreign)}`)
    const script = `const pg = await testPostgres(); console.log(JSON.stringify([pg.url, await pg.createDatabase('fresh')]))`
    const { stdout } = await runScript(script, { DATABASE_URL: server.url })
    const [url, database] = JSON.parse(stdout)
    const names = await query(server.url, sql => sql`select datname from pg_database where datname like 'emaki%'`)
    expect(url).toBe(server.url)
    expect(database).toContain('/emaki_test_fresh_')
    expect(names.map(row => row['datname'])).toContain(foreign)
    expect(names.map(row => row['datname'])).not.toContain(old)
    expect(names.map(row => row['datname'])).toContain(new URL(database).pathname.slice(1))
  })
})

async function query(url: string, use: (sql: postgres.Sql) => postgres.PendingQuery<postgres.Row[]>): Promise<postgres.Row[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await use(sql)
  } finally {
    await sql.end()
  }
}

function isAlive(pid: number): boolean {
  const state = stateOf(pid)
  return state !== undefined && state !== 'Z' && state !== 'X'
}

const isStopped = (pid: number): boolean => stateOf(pid) === 'T'

/** As `ps` shows it: a zombie is dead, however long its parent leaves it unburied. */
function stateOf(pid: number): string | undefined {
  const { stdout } = Bun.spawnSync(['ps', '-o', 'stat=', '-p', String(pid)])
  return stdout.toString().trim()[0]
}

function processesBelow(folder: string): string[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name) && folderOf(name).startsWith(folder))
}

function folderOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

/** Runs a test process of its own, with what `postgres.ts` exports at hand, and ends it by SIGKILL after `killAfterMs`. */
async function runScript(
  code: string,
  env: Record<string, string> = {},
  killAfterMs?: number,
): Promise<{ exitCode: number; stdout: string }> {
  const script = `import { startPostgres, testPostgres } from './postgres.ts'; ${code}`
  const child = Bun.spawn([process.execPath, '-e', script], {
    cwd: import.meta.dir,
    env: { ...process.env, DATABASE_URL: '', ...env },
    stderr: 'ignore',
    ...(killAfterMs === undefined ? {} : { timeout: killAfterMs, killSignal: 'SIGKILL' }),
  })
  const stdout = await child.stdout.text()
  return { exitCode: await child.exited, stdout }
}
