import { describe, expect, test } from 'bun:test'
import { page } from '../../src/ports/bus/contract/builders.ts'
import { memoryBus } from '../../src/ports/bus/memory.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { StoreError } from '../../src/ports/store/errors.ts'
import type { StoredEvent } from '../../src/ports/store/event.ts'
import type { ReadAllOptions } from '../../src/ports/store/log.ts'
import { upToSize } from '../../src/ports/store/page-size.ts'
import { tail } from '../../src/subscription/tail.ts'
import { range } from '../../src/test-support/bank.ts'
import { BATCH_SIZE_MAX, type Encoding, Feed } from './feed.ts'
import { encodeFrame, joinFrames } from './sse.ts'

const bytes: Encoding<Uint8Array, Uint8Array> = {
  encode: ({ position, type, data }) => encodeFrame({ id: `${position}`, event: type, data }),
  size: ({ length }) => length,
  join: joinFrames,
}
const all = { categories: [], types: [], streams: [], correlations: [] }

/** A feed on a tail that has the second half of a log, and on a log that has all of it. */
async function openFeed(log: readonly StoredEvent[], filter: ConstructorParameters<typeof Feed>[2] = all, most = 10_000) {
  const half = log.length >> 1
  const bus = memoryBus()
  const follows = tail({ store: { ...memory(), head: async () => log[half - 1]?.position ?? 0 }, bus, report: () => {} })
  await follows.start()
  bus.publish(log.slice(half))
  const requests: ReadAllOptions[] = []
  const readAll = async (options: ReadAllOptions) => {
    requests.push(options)
    const { after, until, limit, sizeMax } = options
    if (limit > most) throw new StoreError('unavailable', 'too much for the deadline')
    return upToSize(log.filter(({ position }) => position > after && position <= until!).slice(0, limit), sizeMax!)
  }
  return { feed: new Feed(follows, readAll, filter, bytes), requests, follows }
}

const pageOfSizes = (...lengths: readonly number[]): readonly StoredEvent[] =>
  page(...lengths.map((_, i) => i + 1)).map((event, i) => ({ ...event, data: JSON.stringify('x'.repeat(lengths[i]!)) }))

describe('a feed', () => {
  test('a feed gives all that follows, from the log and from memory, in batches that are small or a single event', async () => {
    const lengths = range(60).map(i => [100, 20_000, 64_000, 200_000][i % 4]!)
    const { feed, requests } = await openFeed(pageOfSizes(...lengths))
    let [after, text] = [0, '']
    for (let batch = await feed.next(after); batch !== null; batch = await feed.next(after)) {
      const chunk = new TextDecoder().decode(batch.content!)
      const many = chunk.split('\n\n').length - 1
      expect(many === 1 || batch.content!.length <= BATCH_SIZE_MAX).toBe(true)
      after = batch.to
      text += chunk
    }
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual(range(60).map(i => i + 1))
    expect(requests.length).toBeGreaterThan(5)
  })

  test('a feed gives all readers at one position the same bytes, from the log and from memory', async () => {
    const { feed, requests } = await openFeed(pageOfSizes(...range(20).map(() => 10)))
    const read = range(50).map(() => feed.next(3))
    const found = await Promise.all(read)
    expect(new Set(found).size).toBe(1)
    expect(requests).toHaveLength(1)
    expect(new Set(range(50).map(() => feed.next(12))).size).toBe(1)
    expect(feed.next(20)).toBeNull()
  })

  test('a feed gives the position that it has read up to where the filter lets nothing pass', async () => {
    const { feed, requests } = await openFeed(pageOfSizes(...range(20).map(() => 10)), { ...all, types: ['test.Other'] })
    expect(await feed.next(0)).toEqual({ content: null, to: 20 })
    expect(feed.next(12)).toEqual({ content: null, to: 20 })
    expect(requests).toEqual([{ after: 0, limit: 1_024, sizeMax: 1_048_576, until: 20, filter: new Map([['test', ['Other']]]) }])
  })

  test('a feed that reads a full page goes on behind its last event, and reads fewer where events are large', async () => {
    const { feed, requests } = await openFeed(pageOfSizes(...range(4_000).map(() => 1_000)))
    const { to } = (await feed.next(0))!
    expect(to).toBeLessThan(1_024)
    const next = (await feed.next(to))!
    expect(requests[1]!.limit).toBeLessThan(70)
    expect(next.to).toBeWithin(to + 1, to + requests[1]!.limit + 1)
  })

  test('a feed reads pages bounded in size, and goes on behind the last event of each', async () => {
    const { feed } = await openFeed(pageOfSizes(...range(40).map(() => 300_000)))
    const to: number[] = []
    for (let batch = await feed.next(0); batch !== null; batch = await feed.next(batch.to)) to.push(batch.to)
    expect(to).toEqual(range(40).map(i => i + 1))
  })

  test('a feed halves its page where the store cannot read it within its deadline', async () => {
    const { feed, requests } = await openFeed(pageOfSizes(...range(400).map(() => 10)), all, 300)
    for (const _ of range(2)) await expect(feed.next(0)).rejects.toThrow('too much')
    expect((await feed.next(0))!.to).toBe(256)
    expect(requests.map(({ limit }) => limit)).toEqual([1_024, 512, 256])
  })
})
