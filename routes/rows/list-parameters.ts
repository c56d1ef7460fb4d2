// The parameters of a list: conditions on indexes, the order, and the page.
import { z } from 'zod'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import { LIST_LIMIT, LIST_LIMIT_MAX, type ListRequest } from '../../src/query/rows.ts'
import { BadList, type Where } from '../../src/query/where.ts'
import { CRITERION_VALUES_MAX } from '../../src/ports/read-model/filter.ts'

export type ListParameters = {
  readonly schema: z.ZodObject
  /** The parameters that are lists with commas, each with the schema of an element. */
  readonly lists: ReadonlyMap<string, z.ZodType>
}

/** The parameters of a projection's lists. */
export function listParameters({ row, indexes }: ProjectionSpec): ListParameters {
  const fields = indexes.map(({ field, kind }) => ({ field, kind, value: filterValueOf(row, field, kind) }))
  const sort = z.enum(indexes.flatMap(({ field }) => [field, `-${field}`]))
  const schema = z.object({
    ...Object.assign({}, ...fields.map(conditionsOf)),
    ...(indexes.length > 0 && {
      sort: z
        .array(sort)
        .optional()
        .describe(
          'An index; after `-` the greatest first. Several, with commas in between: one after the other. Default: by key.',
        ),
    }),
    limit: z.int().min(1).max(LIST_LIMIT_MAX).optional().describe(`How many rows at most. Default: ${LIST_LIMIT}.`),
    cursor: z.string().optional().describe('`next` of the page before, in the same order.'),
    count: z.boolean().optional().describe('Whether to count all rows that match. Default: false.'),
  })
  return { schema, lists: new Map([['sort', sort], ...fields.map(({ field, value }) => [`${field}.in`, value] as const)]) }
}

/** The conditions and the page of a list, of what its parameters came to. Throws BadList for two values of one field. */
export function listRequestOf(data: object): { readonly where: Where; readonly by: ListRequest & { readonly count?: boolean } } {
  const { sort, limit, cursor, count, ...rest } = data as ListRequest & { readonly count?: boolean }
  // The name of an index has no dot.
  const conditions = Map.groupBy(Object.entries(rest), ([name]) => name.split('.')[0]!)
  const where = Object.fromEntries([...conditions].map(([field, of]) => [field, operatorsOf(field, of)]))
  const by = {
    ...(sort !== undefined && { sort }),
    ...(limit !== undefined && { limit }),
    ...(cursor !== undefined && { cursor }),
    ...(count !== undefined && { count }),
  }
  // The schema gives values of these kinds alone.
  return { where: where as Where, by }
}

function operatorsOf(field: string, given: readonly [string, unknown][]): Readonly<Record<string, unknown>> {
  const operators = Object.fromEntries(given.map(([name, value]) => [name.split('.')[1] ?? 'eq', value]))
  if (Object.keys(operators).length < given.length) throw new BadList(`${field}.eq`, `is a second value beside ${field}`)
  return operators
}

type Field = { readonly field: string; readonly kind: 'text' | 'number'; readonly value: z.ZodType }

function conditionsOf({ field, kind, value }: Field): Readonly<Record<string, z.ZodType>> {
  const given = value.refine(one => one !== null, 'null is neither less nor greater than a value; ask for null')
  const comparison = (text: string) => given.optional().describe(`Only rows whose ${field} is ${text}.`)
  return {
    [field]: value.optional().describe(`Only rows with this ${field}.`),
    [`${field}.eq`]: comparison('this, where the text null is no null'),
    [`${field}.gt`]: comparison('greater than this'),
    [`${field}.gte`]: comparison('this or greater'),
    [`${field}.lt`]: comparison('less than this'),
    [`${field}.lte`]: comparison('this or less'),
    [`${field}.in`]: z
      .array(value)
      .max(CRITERION_VALUES_MAX)
      .optional()
      .describe(
        `Only rows whose ${field} is one of these. A comma within a value has a backslash before it, and the text null too.`,
      ),
    ...(kind === 'text' && { [`${field}.prefix`]: z.string().optional().describe(`Only rows whose ${field} begins with this.`) }),
    [`${field}.null`]: z.boolean().optional().describe(`Whether ${field} is null.`),
  }
}

/**
 * The schema of the values that an index can be filtered by. A field that may be missing is null in rows without it.
 */
function filterValueOf(row: z.ZodType, field: string, kind: 'text' | 'number'): z.ZodType {
  const own = row instanceof z.ZodObject ? (row.shape as Readonly<Record<string, z.ZodType>>)[field] : undefined
  // The row is one of several objects: only the kind of the field is known.
  const any = kind === 'text' ? z.string().nullable() : z.union([z.number(), z.boolean(), z.null()])
  const schema = own ?? any
  return schema.safeParse(undefined).success ? schema.nullable() : schema
}
