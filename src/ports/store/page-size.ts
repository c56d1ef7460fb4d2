// Bounds a page in size: it ends with the event at which its payloads reach a number of bytes.
import type { StoredEvent } from './event.ts'
import type { ReadAllOptions } from './log.ts'

/** Whether a page ended because it was full. More events may follow its last one. */
export function isFull(page: readonly StoredEvent[], { limit, sizeMax }: Pick<ReadAllOptions, 'limit' | 'sizeMax'>): boolean {
  return page.length >= limit || (sizeMax !== undefined && isOfSize(page, sizeMax))
}

/** The first events, up to the one at which their payloads reach a size. The rest is not read from the iterable. */
export function upToSize<E extends { readonly data: string }>(events: Iterable<E>, sizeMax: number): readonly E[] {
  const taken: E[] = []
  let size = 0
  for (const event of events) {
    taken.push(event)
    size += Buffer.byteLength(event.data)
    if (size >= sizeMax) break
  }
  return taken
}

/**
 * Whether payloads reach a size. UTF-8 has between one and three bytes for a UTF-16 unit: bytes are counted only if
 * that leaves it open.
 */
function isOfSize(page: readonly StoredEvent[], size: number): boolean {
  const units = page.reduce((sum, { data }) => sum + data.length, 0)
  if (units >= size || units * 3 < size) return units >= size
  return page.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0) >= size
}
