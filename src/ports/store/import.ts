// Bulk import: records come into a log in chunks, in their order, each once. Their ids tell which of them are in the
// log already. The store does not know where records come from.
import { verbCommand } from '../../lib/verb-command.ts'
import { background } from '../../lib/turns.ts'
import { StoreError } from './errors.ts'
import { type NewRecord, type Records, type Twin, Twins } from './import-record.ts'

export type ImportOptions = {
  /** What the records come from, as people know it, such as the name of a file. */
  readonly source: string
  /** Refuse streams that had events before the import began. Default: false, such streams are continued. */
  readonly onlyNew?: boolean
}

/**
 * The progress of an import: how many records are moved, and how many it moves in all. `known`: the other records,
 * whose ids were in the log or came twice. `position` is that of the last moved event, 0 before the first.
 */
export type ImportProgress = {
  readonly moved: number
  readonly total: number
  readonly known: number
  readonly position: number
}

/** An import that has begun and has not ended. `name`: a digest of its records. `beganAt`: RFC 3339. */
export type UnfinishedImport = {
  readonly name: string
  readonly source: string
  readonly moved: number
  readonly total: number
  readonly beganAt: string
}

/** The largest chunk, in events and in UTF-16 units of their texts. Live appends wait for at most one chunk. */
export const CHUNK_EVENTS_MAX = 1_000
export const CHUNK_SIZE_MAX = 1_048_576
/** How many positions of the log one call compares with the staged records. */
const COMPARED_MAX = 10_000

/** The beginning of an import. `compared`: the position up to which the log was compared with its records. */
export type NewImport = {
  readonly name: string
  readonly source: string
  readonly compared: number
  readonly onlyNew: boolean
}

/** A place for the records of one import, until they are moved. Each call is one transaction. */
export type Staging = {
  /** Adds a page of records. Gives those whose id is there already: they are not added. */
  readonly add: (page: readonly NewRecord[]) => Promise<readonly Twin[]>
  readonly head: () => Promise<number>
  /** Takes out the records whose id belongs to an event after a position, up to another one. Gives them. */
  readonly match: (after: number, until: number) => Promise<readonly Twin[]>
  /**
   * Compares the records with the rest of the log, and begins the import, or goes on with the unfinished one of its
   * name. Throws if another import is unfinished, or if a stream is not new.
   */
  readonly begin: (what: NewImport) => Promise<ImportProgress>
  /** Appends the next records, and stores the progress with them. Throws if somebody else moved or ended the import. */
  readonly move: (name: string, at: ImportProgress) => Promise<ImportProgress>
  readonly close: () => Promise<void>
}

/** Reads all records, compares them with each other and with the log, and only then moves those that are new. */
export async function* importRecords(
  stage: () => Promise<Staging>,
  records: Records,
  { source, onlyNew = false }: ImportOptions,
): AsyncGenerator<ImportProgress> {
  const staging = await stage()
  try {
    const [twins, digest] = [new Twins(), new ImportDigest()]
    for await (const page of records()) {
      twins.take(await staging.add(digest.take(page)))
      if (background.isOver(CHUNK_SIZE_MAX)) await background.next()
    }
    const compared = await staging.head()
    for (let after = 0; after < compared; after += COMPARED_MAX) {
      twins.take(await staging.match(after, Math.min(compared, after + COMPARED_MAX)))
      if (background.isOver(CHUNK_SIZE_MAX)) await background.next()
    }
    twins.refuseDifferences()
    let at = await staging.begin({ name: digest.name, source, compared, onlyNew })
    // What an earlier run of the same import has moved is known to the log, and counts as moved.
    const known = twins.known + at.known - at.moved
    yield { ...at, known }
    while (at.moved < at.total) {
      at = await staging.move(digest.name, at)
      yield { ...at, known }
      if (background.isOver(CHUNK_SIZE_MAX)) await background.next()
    }
  } finally {
    await staging.close()
  }
}

/** Numbers the lines of records that have none, and hashes everything that is stored of them. */
export class ImportDigest {
  readonly #hasher = new Bun.CryptoHasher('sha256')
  #count = 0
  #name: string | null = null

  take(page: readonly NewRecord[]): readonly NewRecord[] {
    for (const { id, stream, type, schema, data, meta } of page)
      this.#hasher.update(`${[id, stream, type, schema, data, meta].join('\0')}\n`)
    return page.map(record => ({ ...record, line: record.line ?? ++this.#count }))
  }

  /** The name of the import: the same for the same records, wherever they come from. */
  get name(): string {
    this.#name ??= this.#hasher.digest('hex').slice(0, NAME_LENGTH)
    return this.#name
  }
}
const NAME_LENGTH = 32

/** Takes the first records that fit into a chunk. A record that is larger than the bound is a chunk of its own. */
export function chunkOf<R extends NewRecord>(records: Iterable<R>): readonly R[] {
  const chunk: R[] = []
  let size = 0
  for (const record of records) {
    size += record.data.length + record.meta.length
    if (chunk.length === CHUNK_EVENTS_MAX || (chunk.length > 0 && size > CHUNK_SIZE_MAX)) break
    chunk.push(record)
  }
  return chunk
}

/** Throws if one of the unfinished imports has another name: their records could be the same events. */
export function refuseUnfinished(unfinished: readonly UnfinishedImport[], name: string): void {
  const found = unfinished.find(one => one.name !== name)
  if (!found) return
  throw new StoreError(
    'refused',
    `the import of ${found.source} is not finished: ${found.moved} of ${found.total} events are moved; import the same file again, or end it with \`${verbCommand('imports', 'end', found.name)}\``,
  )
}

/** The error for a stream that had events, if only new streams are allowed. */
export function oldStreamError(stream: string): StoreError {
  return new StoreError('refused', `${stream} had events before the import began, and only new streams were asked for`)
}

/** The error for an import that is not where this process left it. */
export function movedElsewhereError(): StoreError {
  return new StoreError('refused', `another process moves or has ended this import; see \`${verbCommand('imports')}\``)
}
