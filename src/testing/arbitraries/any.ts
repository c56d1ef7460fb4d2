import type { Arbitrary } from '../fast-check.ts'
import type { z } from 'zod'
import type { Command } from '../../definitions/decider/command.ts'
import { type Event, type Maker, spec } from '../../definitions/event/events.ts'
import { requireFastCheck } from '../fast-check.ts'
import { arbitraryOf, type Own } from './schema-arbitrary.ts'
import type { Schema } from './schema-def.ts'

export type AnyOptions = {
  /** Gives the arbitrary of a part, by its schema and its path. What it gives is checked by the part's schema, too. */
  readonly own?: Own
  /** How many values in a row may miss a check before it is an error. Default: 2 000. */
  readonly missesMax?: number
}

/**
 * An arbitrary of fast-check: values that a zod schema takes, which is its input; of `order.place` the data that the
 * command takes, and of `Order.Placed` the data of the event. Whole numbers are small mostly, and numbers and lengths are
 * often those at a bound. A schema that holds itself gives finite values.
 *
 * Throws a TypeError with the path where the schema does not say what it takes, as `z.custom` does not; and, while it
 * generates, where too many values in a row do not fit. Throws an Error if fast-check is not installed.
 *
 * @example
 * forAll(any(order.place), ({ items }) => centsOf(items) >= 0)
 */
export function any<Z extends z.ZodType>(of: Z, options?: AnyOptions): Arbitrary<z.input<Z>>
export function any<X>(of: Maker<(id: string, data: X) => Command>, options?: AnyOptions): Arbitrary<X>
export function any<X>(of: Maker<(data: X) => Event>, options?: AnyOptions): Arbitrary<X>
export function any(of: z.ZodType | Maker<unknown>, { own = () => undefined, missesMax }: AnyOptions = {}): Arbitrary<unknown> {
  requireFastCheck('any')
  const schema = typeof of === 'function' && spec in of ? (of as Maker<unknown>)[spec].schema : of
  // `Schema` names the part of a zod schema that is read.
  return arbitraryOf(schema as unknown as Schema, own, missesMax)
}
