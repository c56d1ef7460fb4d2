// Bulk import: records come into a log in chunks, in their order, each once. The store does not know where records come
// from.
import { StoreError } from './errors.ts'
import type { NewEvent } from './event.ts'

/** An event for a stream. The log keeps the order of the records. */
export type NewRecord = NewEvent & { readonly stream: string }

/**
 * Reads records from the first one. It may be called again, and then gives the same records; only generated ids may
 * differ.
 */
export type Records = () => AsyncIterable<readonly NewRecord[]>

export type ImportOptions = {
  /**
   * A short text for the content of the import, such as a hash of the file. An import only goes on with the same
   * fingerprint.
   */
  readonly fingerprint: string
  /** Refuse streams that had events before the import began. Default: false, such streams are continued. */
  readonly onlyNew?: boolean
}

/** The progress of an import. `position` is that of the last moved event, 0 before the first. */
export type ImportProgress = { readonly moved: number; readonly total: number; readonly position: number }

/** The largest chunk, in events and in UTF-16 units of their texts. Live appends wait for at most one chunk. */
export const CHUNK_EVENTS_MAX = 1_000
export const CHUNK_SIZE_MAX = 1_048_576

/** The steps that a store without a staging area gives to an import. Each call is one transaction. */
export type ImportSteps = {
  /** Begins an import, or finds the one of that name. Throws if that one has another fingerprint. */
  readonly begin: (name: string, what: { readonly fingerprint: string; readonly total: number }) => Promise<ImportProgress>
  /**
   * Finds one of the records' streams that had events before the import began; if it has not begun, that has events
   * now. Null: there is none.
   */
  readonly findOld: (name: string, records: readonly NewRecord[]) => Promise<string | null>
  /** Appends the next records, and stores the progress with them. */
  readonly move: (name: string, chunk: readonly NewRecord[], at: ImportProgress, onlyNew: boolean) => Promise<ImportProgress>
}

/** Reads all records before it moves the first, then moves those that no earlier call has moved. */
export async function* importRecords(
  { begin, findOld, move }: ImportSteps,
  name: string,
  records: Records,
  { fingerprint, onlyNew = false }: ImportOptions,
): AsyncGenerator<ImportProgress> {
  const { total, digest } = await digestOf(records(), async page => {
    const old = onlyNew ? await findOld(name, page) : null
    if (old !== null) throw oldStreamError(old)
  })
  let at = await begin(name, { fingerprint: `${fingerprint} ${digest}`, total })
  yield progressOf(at)
  if (at.moved === at.total) return
  for await (const chunk of chunks(records(), at.moved)) {
    at = await move(name, chunk, at, onlyNew)
    yield progressOf(at)
  }
  if (at.moved !== at.total) throw new StoreError('refused', `the import ${name} changed while it was read; run it again`)
}

function progressOf({ moved, total, position }: ImportProgress): ImportProgress {
  return { moved, total, position }
}

/** Gives the import that was begun. Throws if it has another fingerprint. */
export function checkFingerprint<T extends { readonly fingerprint: string }>(name: string, found: T, fingerprint: string): T {
  if (found.fingerprint === fingerprint) return found
  throw new StoreError(
    'refused',
    `the import ${name} was begun with another file or another map: go on with those, or give it another name`,
  )
}

/** The error for a stream that had events, if only new streams are allowed. */
export function oldStreamError(stream: string): StoreError {
  return new StoreError('refused', `${stream} had events before the import began, and only new streams were asked for`)
}

/**
 * Divides records into bounded chunks, without the first `skipped`. A record that is larger than the bound is a chunk
 * of its own.
 */
export async function* chunks(pages: AsyncIterable<readonly NewRecord[]>, skipped: number): AsyncGenerator<readonly NewRecord[]> {
  let chunk: NewRecord[] = []
  let size = 0
  let nth = 0
  for await (const page of pages) {
    for (const record of page) {
      if (nth++ < skipped) continue
      const length = record.data.length + record.meta.length
      if (chunk.length === CHUNK_EVENTS_MAX || (chunk.length && size + length > CHUNK_SIZE_MAX)) {
        yield chunk
        chunk = []
        size = 0
      }
      chunk.push(record)
      size += length
    }
  }
  if (chunk.length) yield chunk
}

/** Counts records, checks each page, and hashes everything that is stored of them except their ids. */
async function digestOf(
  pages: AsyncIterable<readonly NewRecord[]>,
  check: (page: readonly NewRecord[]) => Promise<void>,
): Promise<{ total: number; digest: string }> {
  const hasher = new Bun.CryptoHasher('sha256')
  let total = 0
  for await (const page of pages) {
    total += page.length
    await check(page)
    hasher.update(page.map(({ stream, type, schema, data, meta }) => [stream, type, schema, data, meta].join('\0')).join('\n'))
    hasher.update('\n')
  }
  return { total, digest: hasher.digest('base64url') }
}
