import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { startPostgres } from '../src/test-support/servers/postgres.ts'
import { type Cell, cells, type Variant } from './cells.ts'
import type { Arena } from './contestant.ts'
import { measureLimits } from './limits/all.ts'
import { provideWrk } from './measure/http-load.ts'
import { type Options, optionsOf, planOf } from './options.ts'
import { type Row, ratioOf } from './row.ts'
import { SETTINGS } from './settings.ts'
import { surroundings } from './surroundings.ts'
import { besideRivals, heading, lineOf } from './table.ts'

/** Runs what the arguments ask for; gives the exit code: 1 when something stored is not what was acknowledged. */
export async function run(args: string[]): Promise<number> {
  const options = optionsOf(args)
  const unknown = [...(options.cells ?? [])].filter(id => !cells.some(cell => cell.id === id))
  if (unknown.length) throw new TypeError(`there is no cell ${unknown}; there are ${cells.map(({ id }) => id).join(', ')}`)
  provideWrk()
  await using server = await startPostgres({ settings: SETTINGS })
  const folder = mkdtempSync(join(tmpdir(), 'emaki-bench-'))
  try {
    const rows = await measure({ server, folder, short: options.seconds !== null }, options)
    if (options.json !== null) await Bun.write(options.json, `${JSON.stringify(rows.filter(isMeasured).map(jsonOf), null, 2)}\n`)
    return verdict(rows)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(arena: Arena, options: Options): Promise<readonly Row[]> {
  const plan = planOf(options)
  const all: Row[] = []
  const show = async (rows: readonly Row[]) => {
    all.push(...rows)
    for (const text of [...rows.map(lineOf), ...besideRivals(rows)]) console.log(text)
    await dropDatabases(arena)
  }
  console.log(`${await surroundings(arena, plan)}\n\n${heading()}`)
  for await (const row of measureLimits(arena, plan, options.cells)) await show([row])
  for (const cell of cells) {
    for (const variant of chosen(cell, options)) await show(await variant.run(arena, plan, options.systems))
  }
  return all
}

/** The variants asked for, by name or by callers alone. A cell asked for by name that has none of them runs as it is. */
function chosen({ id, variants }: Cell, options: Options): readonly Variant[] {
  if (options.cells && !options.cells.has(id)) return []
  const asked = options.variants
  if (!asked) return variants
  const found = variants.filter(({ name }) => asked.has(name) || asked.has(name.slice(name.lastIndexOf('-') + 1)))
  return found.length || !options.cells ? found : variants
}

async function dropDatabases({ server }: Arena): Promise<void> {
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  const rows = await sql<
    { name: string }[]
  >`select datname as name from pg_database where datname <> 'postgres' and not datistemplate`
  for (const { name } of rows) await sql`drop database ${sql(name)} with (force)`
  await sql.end()
}

function isMeasured({ failed }: Row): boolean {
  return failed === null
}

function jsonOf(row: Row): Record<string, unknown> {
  const { cell, variant, system, unit, value, p50Ms, p99Ms, limit, noisy, note } = row
  const ratio = ratioOf(row)
  return {
    ...{ cell, variant, system, unit, value, p50_ms: p50Ms, p99_ms: p99Ms, limit, ratio },
    ...(noisy && { noisy }),
    ...(note && { note }),
  }
}

function verdict(rows: readonly Row[]): number {
  const wrong = rows.filter(({ wrong, failed, system }) => wrong !== null || (failed !== null && system === 'emaki'))
  for (const row of wrong) console.error(`${row.cell} ${row.variant} ${row.system}: ${row.wrong ?? row.failed}`)
  return wrong.length ? 1 : 0
}
