// Causes planted into a file of SQLite by another process. Each is held until it is named.
import { afterEach, expect, test } from 'bun:test'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { until } from '../test-support/servers/until.ts'
import { openLog } from '../test-support/sqlite.ts'
import { readLogStalls } from './read-facts.ts'
import type { Stall } from './stall.ts'

afterEach(cleanUp)

/** Another process that runs some statements on a file, and then stays as it is. */
async function holding(file: string, ...statements: readonly string[]): Promise<Bun.Subprocess> {
  const code = `
    const { Database } = require('bun:sqlite')
    const db = new Database(process.argv[1])
    for (const statement of process.argv.slice(2)) db.query(statement).all()
    console.log('ready')
    setInterval(() => {}, 1_000)
  `
  const other = Bun.spawn([process.execPath, '-e', code, file, ...statements], { stdout: 'pipe', stderr: 'inherit' })
  cleanUpLater(() => other.kill('SIGKILL'))
  for await (const text of other.stdout.pipeThrough(new TextDecoderStream())) if (text.includes('ready')) break
  return other
}

const unit = (data: string) => {
  const event = { id: Bun.randomUUIDv7(), type: 'Set', schema: 's', data, meta: '{}' }
  return { slices: [{ stream: 'thing-a', expect: 'any' as const, events: [event] }], keys: [] }
}

test('another process that has begun to write and does not end is named with its pid and its command line', async () => {
  const { store, file } = await openLog({ busyMs: 600_000 })
  const other = await holding(file, 'begin immediate')
  const waiting = store.append([unit('{}')])
  let found: readonly Stall[] = []
  await until('the writer is named', async () => {
    found = await readLogStalls(store)
    return found.length > 0
  })
  expect(found).toMatchObject([
    { cause: 'lock-foreign', mend: `End the process: kill ${other.pid}`, chain: [{ pid: other.pid }] },
  ])
  expect(found[0]!.sentence).toMatch(/: process: \S*bun\S* -e .* has it, and does not end its transaction\.$/s)
  other.kill('SIGKILL')
  await waiting
  expect(await readLogStalls(store)).toEqual([])
})

test('another process that reads an old state for long, so that the write-ahead log grows, is named', async () => {
  const { store, file } = await openLog()
  await store.append([unit('{}')])
  const other = await holding(file, 'begin', 'select count(*) from events')
  const large = JSON.stringify('x'.repeat(524_288))
  let found: readonly Stall[] = []
  await until('the reader is named', async () => {
    for (let i = 0; i < 16; i++) await store.append([unit(large)])
    found = await readLogStalls(store)
    return found.length > 0
  })
  expect(found).toMatchObject([{ cause: 'wal', mend: `End the read, or the process: kill ${other.pid}` }])
})
