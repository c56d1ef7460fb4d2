// SQLite files of a test: stores over them, other connections and other processes.
import { Database } from 'bun:sqlite'
import { spyOn } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NewEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import type { Unit } from '../ports/store/unit.ts'
import { cleanUpLater } from './cleanup.ts'
import { type SqliteOptions, sqlite } from '../adapters/sqlite/store.ts'

export function newFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'emaki-sqlite-'))
  cleanUpLater(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export async function openStore(file: string, options: SqliteOptions = {}): Promise<Store> {
  const store = sqlite(file, options)
  await store.open()
  cleanUpLater(() => store.close())
  return store
}

export async function openLog(options: SqliteOptions = {}): Promise<{ readonly store: Store; readonly file: string }> {
  const file = join(newFolder(), 'log.db')
  return { store: await openStore(file, options), file }
}

let emptyLog: Promise<Uint8Array> | undefined

/** A file with an empty log, of which all copies are one: for tests that do not care how a log begins. */
export async function copyEmptyLog(folder: string): Promise<string> {
  emptyLog ??= makeEmptyLog()
  const file = join(folder, `${Bun.randomUUIDv7()}.db`)
  writeFileSync(file, await emptyLog)
  return file
}

/** A store that is closed has all that it wrote in its one file. */
async function makeEmptyLog(): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-sqlite-'))
  const store = sqlite(join(folder, 'log.db'))
  await store.open()
  await store.close()
  const bytes = readFileSync(join(folder, 'log.db'))
  rmSync(folder, { recursive: true })
  return bytes
}

/** Another process as the file sees it: a connection that has begun to write. */
export function beginWriting(file: string): Database {
  const other = new Database(file)
  other.run('begin immediate')
  cleanUpLater(() => other.close())
  return other
}

/** The connections that are opened from now on, in order; each statement that is run may be changed on its way. */
export function watchConnections(change: (sql: string) => string = sql => sql): readonly Database[] {
  const seen = new Set<Database>()
  const list: Database[] = []
  const run = Database.prototype.run
  const spy = spyOn(Database.prototype, 'run').mockImplementation(function (this: Database, sql: string, ...bindings) {
    if (!seen.has(this)) list.push(this)
    seen.add(this)
    return run.call(this, change(sql), ...bindings)
  })
  cleanUpLater(() => spy.mockRestore())
  return list
}

export function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    value => new Error(`expected a failure, found ${Bun.inspect(value)}`),
    (error: unknown) => error,
  )
}

export function unit(stream: string, expect: number | 'any', many = 1, size = 10): Unit {
  const event = (): NewEvent => ({
    id: Bun.randomUUIDv7(),
    type: 'Happened',
    schema: 'abcdefghij',
    data: JSON.stringify('x'.repeat(size)),
    meta: '{}',
  })
  return { slices: [{ stream, expect, events: Array.from({ length: many }, event) }], keys: [] }
}

type ScriptProcess = {
  readonly lines: readonly string[]
  readonly line: () => Promise<string>
  readonly kill: () => Promise<void>
}

/** A real process that runs a script, whose `print` writes a line before it returns. */
export function startScript(script: string): ScriptProcess {
  const module = JSON.stringify(join(import.meta.dir, '../adapters/sqlite/index.ts'))
  const code = `
    import { writeSync } from 'node:fs'
    import { sqlite } from ${module}
    const print = text => writeSync(1, text + '\\n')
    ${script}`
  const started = Bun.spawn([process.execPath, '-e', code], { stdout: 'pipe', stderr: 'inherit' })
  cleanUpLater(() => started.kill(9))
  const lines: string[] = []
  const waiting: ((line: string) => void)[] = []
  let given = 0
  const read = (async () => {
    let rest = ''
    for await (const chunk of started.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop()!
      for (const part of parts) {
        lines.push(part)
        while (waiting.length && given < lines.length) waiting.shift()!(lines[given++]!)
      }
    }
  })()
  return {
    lines,
    line: () => new Promise(resolve => (given < lines.length ? resolve(lines[given++]!) : waiting.push(resolve))),
    kill: async () => {
      started.kill(9)
      await started.exited
      await read
    },
  }
}
