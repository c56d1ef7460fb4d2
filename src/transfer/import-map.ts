// Turns one record of a foreign file into facts.
import { errorWithoutSecrets, noteSecretFields } from '../definitions/secret-fields.ts'
import { checkOptions, type OptionKinds } from '../definitions/options.ts'
import type { z } from 'zod'
import { type AnyEvents, issuesText, spec } from '../definitions/event/events.ts'
import { type Families, familiesOf, type In, type One } from '../definitions/event/families.ts'

/** A fact from a record, and its stream. */
export type Imported<E> = {
  /** `category-instance`; the category is the event's. */
  readonly stream: string
  readonly event: E
  /** When it happened, as RFC 3339 with a time and an offset. Stored as `meta.occurredAt`. */
  readonly occurredAt?: string
  /**
   * The event's id, a UUID. An id is in the log once, so the same line is never imported twice. Default: an id that
   * comes from the stream, the event and its time. Facts that are equal in these are numbered.
   */
  readonly id?: string
}

/** A map as the framework runs it. `run` throws a TypeError that names the problem of a record. */
export type ImportMapSpec = {
  readonly kind: 'import-map'
  readonly name: string
  readonly families: Families
  readonly run: (record: unknown, line: number) => readonly Imported<EventOfFamily>[]
  /** The columns without which no record fits. */
  readonly columns: () => readonly string[]
}
export type EventOfFamily = { readonly category: string; readonly type: string; readonly data: unknown }
export type ImportMap = { readonly [spec]: ImportMapSpec }

type ImportMapOptions<F extends AnyEvents, R> = {
  /** The family, or families, of these facts. */
  readonly from: One<F>
  /** The schema of a record. A CSV line is an object of texts by column; a line of JSONL is its parsed value. */
  readonly record: z.ZodType<R>
  /** A function `(record, line)` to one fact, several facts, or null for a line without facts. */
  readonly map: (record: NoInfer<R>, line: number) => Imported<In<F>> | readonly Imported<In<F>>[] | null
}

/**
 * Makes a map: a pure function from one record of a file to its facts.
 *
 * @example
 * export default importMap({
 *   from: Order,
 *   record: z.object({ id: z.string(), customer: z.string(), day: z.iso.date() }),
 *   map: ({ id, customer, day }) => ({ stream: `order-${id}`, event: Order.Placed({ customer }), occurredAt: `${day}T00:00:00Z` }),
 * })
 */
export function importMap<F extends AnyEvents, R>(options: ImportMapOptions<F, R>): ImportMap {
  checkOptions('importMap', options, { from: 'families', record: 'schema', map: 'function' } satisfies OptionKinds<
    keyof typeof options
  >)
  const { from, record: schema, map } = options
  noteSecretFields([schema])
  const read: ImportMapSpec['run'] = (record, line) => {
    const parsed = schema.safeParse(record)
    if (!parsed.success) throw new TypeError(issuesText(parsed.error.issues))
    const found = map(parsed.data, line)
    if (found === null) return []
    // Array.isArray does not narrow a readonly array.
    return Array.isArray(found) ? (found as readonly Imported<In<F>>[]) : [found as Imported<In<F>>]
  }
  const run: ImportMapSpec['run'] = (record, line) => {
    try {
      return read(record, line)
    } catch (error) {
      throw errorWithoutSecrets(error, record)
    }
  }
  const columns = () => requiredFields(schema)
  const families = familiesOf('importMap', from)
  return Object.freeze({ [spec]: { kind: 'import-map', name: 'import-map', families, run, columns } })
}

/** The fields that an empty record lacks. */
function requiredFields(schema: z.ZodType): readonly string[] {
  const { error } = schema.safeParse({})
  return (error?.issues ?? []).flatMap(({ path }) => (path.length === 1 ? [String(path[0])] : []))
}

/** Whether a value, such as the default export of a file, is a map. */
export function isImportMap(value: unknown): value is ImportMap {
  return (value as Partial<ImportMap> | null | undefined)?.[spec]?.kind === 'import-map'
}
