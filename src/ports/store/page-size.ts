// How a page is bounded in size: it ends with the event with which its payloads come to a number of bytes.
import type { StoredEvent } from './event.ts'
import type { ReadAllOptions } from './log.ts'

/** Whether a page ended because it was full: what was asked for may go on behind its last event. */
export function isFull(page: readonly StoredEvent[], { limit, sizeMax }: Pick<ReadAllOptions, 'limit' | 'sizeMax'>): boolean {
  return page.length >= limit || (sizeMax !== undefined && isOfSize(page, sizeMax))
}

/** The first of some events, up to the one with which their payloads come to a size. The rest is not asked for. */
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

/** UTF-8 has at least as many bytes as there are UTF-16 units, and at most three times as many: only in between are bytes counted. */
function isOfSize(page: readonly StoredEvent[], size: number): boolean {
  const units = page.reduce((sum, { data }) => sum + data.length, 0)
  if (units >= size || units * 3 < size) return units >= size
  return page.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0) >= size
}
