import type { Arbitrary } from '../fast-check.ts'
import type { z } from 'zod'
import { requireFastCheck } from '../fast-check.ts'
import { arbitraryOf, type Own } from './schema-arbitrary.ts'
import type { Schema } from './schema-def.ts'

/**
 * An arbitrary of fast-check: values that a zod schema takes, which is its input. Whole numbers are small mostly, and
 * numbers and lengths are often those at a bound. A schema that holds itself gives finite values.
 *
 * `own` gives the arbitrary of a part, by its schema and its path. What it gives is checked by the part's schema, too.
 * Throws a TypeError with the path where the schema does not say what it takes, as `z.custom` does not; and, while it
 * generates, where 2 000 values in a row do not fit. Throws an Error if fast-check is not installed.
 */
export function any<Z extends z.ZodType>(of: Z, own: Own = () => undefined): Arbitrary<z.input<Z>> {
  requireFastCheck('any')
  // `Schema` names the part of a zod schema that is read, and the values fit the input of the schema.
  return arbitraryOf(of as unknown as Schema, own) as Arbitrary<z.input<Z>>
}
