// The parameters of a list: conditions on indexes, the order, and the page.
import { z } from 'zod'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import { LIST_LIMIT, LIST_LIMIT_MAX, type ListRequest } from '../../src/query/rows.ts'
import type { Where } from '../../src/query/where.ts'
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

/** The conditions and the page of a list, of what its parameters came to. */
export function listRequestOf(data: object): { readonly where: Where; readonly by: ListRequest & { readonly count?: boolean } } {
  const { sort, limit, cursor, count, ...rest } = data as ListRequest & { readonly count?: boolean }
  // The name of an index has no dot.
  const conditions = Map.groupBy(Object.entries(rest), ([name]) => name.split('.')[0]!)
  const operators = (of: readonly [string, unknown][]) =>
    Object.fromEntries(of.map(([name, value]) => [name.split('.')[1] ?? 'eq', value]))
  const where = Object.fromEntries([...conditions].map(([field, of]) => [field, operators(of)]))
  const by = {
    ...(sort !== undefined && { sort }),
    ...(limit !== undefined && { limit }),
    ...(cursor !== undefined && { cursor }),
    ...(count !== undefined && { count }),
  }
  // The schema gives values of these kinds alone.
  return { where: where as Where, by }
}

type Field = { readonly field: string; readonly kind: 'text' | 'number'; readonly value: z.ZodType }

function conditionsOf({ field, kind, value }: Field): Readonly<Record<string, z.ZodType>> {
  const comparison = (text: string) => value.optional().describe(`Only rows whose ${field} is ${text}.`)
  return {
    [field]: value.optional().describe(`Only rows with this ${field}.`),
    [`${field}.gt`]: comparison('greater than this'),
    [`${field}.gte`]: comparison('this or greater'),
    [`${field}.lt`]: comparison('less than this'),
    [`${field}.lte`]: comparison('this or less'),
    [`${field}.in`]: z
      .array(value)
      .max(CRITERION_VALUES_MAX)
      .optional()
      .describe(`Only rows whose ${field} is one of these. A comma within a value has a backslash before it.`),
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
