// Server-sent events as a browser reads them.

export type SentEvent = { readonly id: string; readonly type: string; readonly data: string }
export type EventReader = {
  /** All that came so far. */
  readonly events: readonly SentEvent[]
  /** The last id, of an event or alone: what a client comes back with. */
  readonly lastId: () => string
  /** The last `retry`, in ms. */
  readonly retry: () => number | null
  readonly hasEnded: () => boolean
  /** Goes away. */
  readonly cancel: () => Promise<void>
}

/** Reads a response as it comes. */
export function eventsOf(response: Response): EventReader {
  const reader = response.body!.getReader()
  const parsed = parser()
  let hasEnded = false
  const read = async () => {
    const decoder = new TextDecoder()
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read())
      parsed.take(decoder.decode(chunk.value, { stream: true }))
  }
  void read()
    .catch(() => {})
    .finally(() => {
      hasEnded = true
    })
  return { ...parsed, hasEnded: () => hasEnded, cancel: () => reader.cancel() }
}

/** The format by its specification, as far as it is used: `id` counts once its block ends, with an event or without. */
export function parser(): Omit<EventReader, 'hasEnded' | 'cancel'> & { readonly take: (text: string) => void } {
  const events: SentEvent[] = []
  let [rest, lastId, retry] = ['', '', null as number | null]
  const block = (text: string) => {
    const fields = text.split('\n').map(line => /^(\w+): ?(.*)$/.exec(line)?.slice(1) as [string, string] | undefined)
    const all = (name: string) => fields.flatMap(field => (field?.[0] === name ? [field[1]] : []))
    lastId = all('id').at(-1) ?? lastId
    retry = Number(all('retry').at(-1) ?? retry)
    const data = all('data')
    if (data.length) events.push({ id: lastId, type: all('event').at(-1) ?? 'message', data: data.join('\n') })
  }
  return {
    events,
    lastId: () => lastId,
    retry: () => retry,
    take: text => {
      const blocks = (rest + text).split('\n\n')
      rest = blocks.pop()!
      for (const one of blocks) block(one)
    },
  }
}

/** Takes what comes over a socket, and gives the body of a chunked response on. */
export function decodeChunks(take: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  let rest = Buffer.alloc(0)
  let inBody = false
  /** Takes one piece off; false: it is not all there. */
  const step = (): boolean => {
    const end = rest.indexOf(inBody ? '\r\n' : '\r\n\r\n')
    if (end < 0) return false
    if (!inBody) {
      inBody = true
      rest = rest.subarray(end + 4)
      return true
    }
    const size = Number.parseInt(rest.toString('latin1', 0, end), 16)
    if (rest.length < end + 2 + size + 2) return false
    take(rest.subarray(end + 2, end + 2 + size))
    rest = rest.subarray(end + 2 + size + 2)
    return true
  }
  return bytes => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length && step());
  }
}
