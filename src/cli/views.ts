// views: the SQL that makes a view of each projection, for SQL of one's own.
import { postgresView } from '../adapters/postgres/row-view.ts'
import { sqliteView } from '../adapters/sqlite/row-view.ts'
import { spec } from '../definitions/event/events.ts'
import { type ProjectionSpec, tableOf } from '../definitions/projection/projection.ts'
import { rowViewOf } from '../ports/read-model/row-view.ts'
import type { Store } from '../ports/store/store.ts'
import { withStore } from './opened.ts'
import { type Call, Misused, textOf, type Verb } from './verb.ts'

/** Prints the statements for one projection, or for all. */
function printViews(call: Call): Promise<number> {
  const projections = projectionsOf(call)
  return withStore(call, async store => {
    for (const projection of projections) console.log(await viewIn(store, projection, call))
    return 0
  })
}

async function viewIn({ system, readModel }: Store, projection: ProjectionSpec, { config, values }: Call): Promise<string> {
  const view = rowViewOf(projection)
  const reader = textOf(values, 'role') ?? null
  if (system === 'postgresql') return postgresView(view, config.DATABASE_SCHEMA, reader)
  if (reader !== null) throw new Misused('--role: only PostgreSQL has roles')
  if (system === 'memory') throw new Misused('the log is in memory, where no SQL reads it')
  return sqliteView(view, (await readModel.serving(projection.name)) ?? tableOf(projection))
}

function projectionsOf({ serve, words: [name] }: Call): readonly ProjectionSpec[] {
  const all = serve.map(one => one[spec] as unknown as ProjectionSpec).filter(one => one.kind === 'projection' && !one.live)
  const found = name === undefined ? all : all.filter(one => one.name === name)
  if (found.length === 0) throw new Misused(`which projection? There are ${all.map(one => one.name).join(', ') || 'none'}`)
  return found
}

export const viewsVerb: Verb = {
  takes: '[NAME]',
  does: 'print SQL that makes a view of the rows of each projection, or of one, with a column for each field',
  options: { role: { takes: 'ROLE', does: 'a role of PostgreSQL that may read the views' } },
  run: printViews,
}
