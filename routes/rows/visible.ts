// Which rows the caller of a request sees.
import type { Context } from 'hono'
import { checkRule, visibleTo } from '../../src/definitions/access/access.ts'
import { indexValue } from '../../src/definitions/projection/fold.ts'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import { meets, type RowFilter } from '../../src/ports/read-model/filter.ts'
import { filterOf, type Where } from '../../src/query/where.ts'
import { refuseByCheck } from '../access.ts'

/**
 * The conditions of the rows of a projection that the caller of a request sees; none: it sees all. `key`: of one row;
 * null: of a list. A Response refuses it.
 */
export async function visibleRows(c: Context, projection: ProjectionSpec, key: string | null): Promise<RowFilter | Response> {
  const access = c.get('emakiAccess')
  const [rule, visible] = [access.row(projection.name), access.visible(projection.name)]
  if (rule === 'all' && visible === null) return []
  let seen: RowFilter = []
  const refused = await refuseByCheck(
    c,
    actor => {
      checkRule(rule, { actor, key })
      const where = visibleTo(visible, actor)
      seen = where === null ? [] : conditionsOf(projection, where as Where)
    },
    key === null ? 'not-found' : 'row-not-found',
  )
  return refused ?? seen
}

/** The conditions that `visible` gave. What it leaves open would show every row, so that is an error. */
function conditionsOf({ name, indexes }: ProjectionSpec, where: Where): RowFilter {
  const open = Object.entries(where).find(([, value]) => isOpen(value))
  if (open) throw new TypeError(`visible of ${name} gave no value for ${open[0]}`)
  const conditions = filterOf({ indexes }, where)
  if (conditions.length === 0) throw new TypeError(`visible of ${name} gave no values; true shows all rows`)
  return conditions
}

function isOpen(wanted: Where[string]): boolean {
  if (typeof wanted !== 'object' || wanted === null) return wanted === undefined
  const values = Object.values(wanted)
  return values.length === 0 || values.includes(undefined)
}

/** Whether a caller sees a row, by its text. */
export function isVisible(seen: RowFilter, text: string): boolean {
  if (seen.length === 0) return true
  const row = JSON.parse(text) as Readonly<Record<string, string | number | boolean | null>>
  return seen.every(criterion => meets(indexValue(row[criterion.field]), criterion))
}
