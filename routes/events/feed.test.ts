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
const all = { categories: [], types: [], streams: [] }

/** A feed on a tail that has the second half of a log, and on a log that has all of it. */
async function made(log: readonly StoredEvent[], filter: ConstructorParameters<typeof Feed>[2] = all, most = 10_000) {
  const half = log.length >> 1
  const bus = memoryBus()
  const follows = tail({ store: { ...memory(), head: async () => log[half - 1]?.position ?? 0 }, bus, report: () => {} })
  await follows.start()
  bus.publish(log.slice(half))
  const asked: ReadAllOptions[] = []
  const readAll = async (options: ReadAllOptions) => {
    asked.push(options)
    const { after, until, limit, sizeMax } = options
    if (limit > most) throw new StoreError('unavailable', 'too much for the deadline')
    return upToSize(log.filter(({ position }) => position > after && position <= until!).slice(0, limit), sizeMax!)
  }
  return { feed: new Feed(follows, readAll, filter, bytes), asked, follows }
}

const noted = (...lengths: readonly number[]): readonly StoredEvent[] =>
  page(...lengths.map((_, i) => i + 1)).map((event, i) => ({ ...event, data: JSON.stringify('x'.repeat(lengths[i]!)) }))

describe('a feed', () => {
  test('gives what follows, from the log as from memory, in batches that are small or one event', async () => {
    const lengths = range(60).map(i => [100, 20_000, 64_000, 200_000][i % 4]!)
    const { feed, asked } = await made(noted(...lengths))
    let [after, text] = [0, '']
    for (let batch = await feed.next(after); batch !== null; batch = await feed.next(after)) {
      const said = new TextDecoder().decode(batch.content!)
      const many = said.split('\n\n').length - 1
      expect(many === 1 || batch.content!.length <= BATCH_SIZE_MAX).toBe(true)
      after = batch.to
      text += said
    }
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual(range(60).map(i => i + 1))
    expect(asked.length).toBeGreaterThan(5)
  })

  test('gives those who are at one place the same bytes, be it from the log or from memory', async () => {
    const { feed, asked } = await made(noted(...range(20).map(() => 10)))
    const read = range(50).map(() => feed.next(3))
    const found = await Promise.all(read)
    expect(new Set(found).size).toBe(1)
    expect(asked).toHaveLength(1)
    expect(new Set(range(50).map(() => feed.next(12))).size).toBe(1)
    expect(feed.next(20)).toBeNull()
  })

  test('tells how far it has looked where nothing passes', async () => {
    const { feed, asked } = await made(noted(...range(20).map(() => 10)), { ...all, types: ['test.Other'] })
    expect(await feed.next(0)).toEqual({ content: null, to: 20 })
    expect(feed.next(12)).toEqual({ content: null, to: 20 })
    expect(asked).toEqual([{ after: 0, limit: 1_024, sizeMax: 1_048_576, until: 20, filter: new Map([['test', ['Other']]]) }])
  })

  test('has looked no further than the last of a full page, and asks for fewer where they are large', async () => {
    const { feed, asked } = await made(noted(...range(4_000).map(() => 1_000)))
    const { to } = (await feed.next(0))!
    expect(to).toBeLessThan(1_024)
    const next = (await feed.next(to))!
    expect(asked[1]!.limit).toBeLessThan(70)
    expect(next.to).toBeWithin(to + 1, to + asked[1]!.limit + 1)
  })

  test('reads no more than a bound in size, and takes nothing for read that is beyond it', async () => {
    const { feed } = await made(noted(...range(40).map(() => 300_000)))
    const to: number[] = []
    for (let batch = await feed.next(0); batch !== null; batch = await feed.next(batch.to)) to.push(batch.to)
    expect(to).toEqual(range(40).map(i => i + 1))
  })

  test('asks for half as much where a page is too much for the deadline of the store', async () => {
    const { feed, asked } = await made(noted(...range(400).map(() => 10)), all, 300)
    for (const _ of range(2)) await expect(feed.next(0)).rejects.toThrow('too much')
    expect((await feed.next(0))!.to).toBe(256)
    expect(asked.map(({ limit }) => limit)).toEqual([1_024, 512, 256])
  })
})
