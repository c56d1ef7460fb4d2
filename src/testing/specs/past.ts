// What happened before an example, as stored events.
import type { Command } from '../../definitions/decider/command.ts'
import type { Event, EventsSpec, Meta } from '../../definitions/event/events.ts'
import { encode } from '../../definitions/event/payload.ts'
import type { StoredText } from '../../definitions/event/recorded.ts'
import { streamName } from '../../definitions/event/stream-name.ts'

/** A fact, with the `meta` that a fold may read. */
export type Fact = Event & { readonly meta?: Partial<Meta> }
/** The answer to a command of a process, or a timer of it that falls due. */
export type Answer =
  | {
      readonly answer: 'Accepted' | 'Rejected' | 'Failed'
      readonly command: Command
      readonly code: string
      readonly data?: unknown
    }
  | { readonly answer: 'Due'; readonly timer: string }
/** What happened to an instance. */
export type Happened<T = Fact | Answer> = { readonly instance: string; readonly what: readonly T[] }
export type Past<T = Fact | Answer> = T | Happened<T>

/** The instance of facts that name none. */
export const INSTANCE = '1'
/** When everything in an example happens, in ms since 1970. */
export const BEGAN: number = Date.UTC(2030, 0)

/**
 * Says which instance facts are of. Facts alone are those of the instance `1`, or of the one that a command names.
 *
 * @example
 * given(fulfilment, of('o1', Order.Placed(basket))).then(wants(inventory.reserve('a', { order: 'o1', qty: 2 })))
 */
export function of<const T extends readonly (Fact | Answer)[]>(instance: string, ...what: T): Happened<T[number]> {
  return { instance, what }
}

/** What happened, one after the other, each with its instance if it names one. */
export function listPast<T extends object>(past: readonly Past<T>[]): readonly Listed<T>[] {
  return past.flatMap((one): readonly Listed<T>[] =>
    isHappened(one) ? one.what.map(what => ({ instance: one.instance, what })) : [{ instance: null, what: one }],
  )
}
type Listed<T> = { readonly instance: string | null; readonly what: T }

function isHappened<T extends object>(one: Past<T>): one is Happened<T> {
  return 'instance' in one && 'what' in one
}

/** Numbers events as a log does: by position, and by version in each stream. */
export class Recording {
  readonly #versions = new Map<string, number>()
  #position = 0

  /** Throws a TypeError for a fact that is of none of the families. */
  record(
    families: ReadonlyMap<string, EventsSpec>,
    { category, type, data, meta }: Fact,
    instance: string,
    at: number,
  ): StoredText {
    const fingerprint = families.get(category)?.types.get(type)?.fingerprint
    if (fingerprint === undefined) throw new TypeError(`${category}.${type} is no event of ${[...families.keys()].join(', ')}`)
    const stream = streamName(category, instance)
    const version = (this.#versions.get(stream) ?? 0) + 1
    this.#versions.set(stream, version)
    const position = ++this.#position
    const id = `00000000-0000-7000-8000-${String(position).padStart(12, '0')}`
    return {
      ...{ id, stream, version, position, at: new Date(at).toISOString(), type, schema: fingerprint },
      ...{ data: encode(data), meta: JSON.stringify({ correlation: id, causation: id, ...meta }) },
    }
  }
}
