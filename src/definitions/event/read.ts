import { errorWithoutSecrets } from '../secret-fields.ts'
import { type Event, type EventsSpec, issuesText, type Meta, type Was } from './events.ts'
import { type Chain, applyUpcasts } from './upcast.ts'

/** A stored fact, as a fold reads it. `data` and `meta` are parsed JSON. `meta` is there for a fold that reads it. */
export type StoredFact = {
  readonly type: string
  readonly schema: string
  readonly data: unknown
  readonly meta?: Omit<Meta, 'schema'>
}

/** The fact of a stored event, with its metadata only where the fold reads it. */
export function factOf({ type, schema, data, meta }: FactText, readsMeta: boolean): StoredFact {
  const fact = { type, schema, data: JSON.parse(data) as unknown }
  return readsMeta ? { ...fact, meta: JSON.parse(meta) as Omit<Meta, 'schema'> } : fact
}
type FactText = { readonly type: string; readonly schema: string; readonly data: string; readonly meta: string }

type Split = Was & { readonly kind: 'split' }

/** A stored event that this release cannot read: its type is unknown, or its payload fits no schema of the type. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent'
  readonly stream: string
  readonly version: number
  readonly type: string
  /** The path in the payload, and what is wrong there. */
  readonly reason: string
  constructor(stream: string, version: number, type: string, reason: string, options?: ErrorOptions) {
    super(`${stream} has at version ${version} an event ${type} that cannot be read: ${reason}`, options)
    this.stream = stream
    this.version = version
    this.type = type
    this.reason = reason
  }
}

/**
 * Reads a stored fact as today's events: none if its type is retired, several if it was split.
 * Trusts a payload whose fingerprint is today's, and upcasts and parses any other.
 * Throws UnreadableEvent, which names stream, version, type and path.
 */
export function read(family: EventsSpec, stream: string, version: number, fact: StoredFact): readonly Event[] {
  try {
    return readFact(family, stream, version, fact)
  } catch (error) {
    throw errorWithoutSecrets(error, fact.data)
  }
}

function readFact(family: EventsSpec, stream: string, version: number, fact: StoredFact): readonly Event[] {
  const today = family.types.get(fact.type)
  if (today) return [{ category: family.name, type: fact.type, data: readPayload(today, stream, version, fact) }]
  const was = family.was.get(fact.type)
  if (!was) throw new UnreadableEvent(stream, version, fact.type, `${family.name} of this release has no such type`)
  if (was.kind === 'retired') return []
  if (was.kind === 'split') return readParts(family, was, stream, version, fact)
  return [{ category: family.name, type: was.to, data: readPayload(family.types.get(was.to)!, stream, version, fact) }]
}

function readParts(family: EventsSpec, was: Split, stream: string, version: number, fact: StoredFact): readonly Event[] {
  const old = readPayload(was.chain, stream, version, fact)
  try {
    const events = was.into(old)
    const stranger = events.findIndex(event => event?.category !== family.name || !family.types.has(event.type))
    if (stranger < 0) return events
    throw new TypeError(`its part ${stranger + 1} is no event of ${family.name}`)
  } catch (error) {
    throw new UnreadableEvent(stream, version, fact.type, `its split threw ${String(error)}`, { cause: error })
  }
}

function readPayload(chain: Chain, stream: string, version: number, fact: StoredFact): unknown {
  if (fact.schema === chain.fingerprint) return fact.data
  const result = applyUpcasts(chain, fact.schema, fact.data)
  if ('issues' in result) throw new UnreadableEvent(stream, version, fact.type, issuesText(result.issues))
  return result.data
}
