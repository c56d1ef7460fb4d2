import { describe, expect, test } from 'bun:test'
import { type BatchPurgesOptions, batchPurges } from './batch-purges.ts'

/** A purger that writes down what it was told, and fails when told to; a clock on which a test lets time pass. */
function startPurges(options: BatchPurgesOptions = {}) {
  const purged: (readonly string[] | 'all')[] = []
  const slept: { readonly ms: number; readonly wake: () => void }[] = []
  const at = { failures: 0 }
  const purge = async (what: readonly string[] | 'all') => {
    if (at.failures-- > 0) throw new Error('503')
    purged.push(what)
  }
  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>(resolve => {
      slept.push({ ms, wake: resolve })
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve())
    })
  const reported: unknown[] = []
  const queue = batchPurges(
    { purge: purge, purgeAll: () => purge('all') },
    { sleep, random: () => 1, report: error => reported.push(error), againMs: 0, ...options },
  )
  /** Wakes who sleeps, and tells for how long. */
  const pass = async () => {
    const woken = slept.splice(0)
    for (const { wake } of woken) wake()
    for (let i = 0; i < 20; i++) await Promise.resolve()
    return woken.map(({ ms }) => ms)
  }
  return { at, purged, queue, pass, reported }
}

describe('a queue of purges', () => {
  test('a queue of purges collects tags for a moment and purges each once', async () => {
    const { queue, purged, pass } = startPurges({ delayMs: 50 })
    queue.add(['a', 'b'])
    queue.add(['b', 'c'])
    expect(queue.waiting).toBe(3)
    expect(await pass()).toEqual([50])
    expect(purged).toEqual([['a', 'b', 'c']])
    queue.add([])
    expect(await pass()).toEqual([])
    queue.add(['a'])
    await pass()
    expect(purged).toEqual([['a', 'b', 'c'], ['a']])
    await queue.idle()
  })

  test('a queue of purges tries again, later each time, with what came meanwhile', async () => {
    const { queue, purged, pass, at, reported } = startPurges()
    at.failures = 3
    queue.add(['a'])
    expect(await pass()).toEqual([50])
    queue.add(['b'])
    expect([await pass(), await pass(), await pass()]).toEqual([[100], [200], [400]])
    expect(purged).toEqual([['a', 'b']])
    expect(reported).toMatchObject([
      { code: 'retry-began', cause: new Error('503') },
      { code: 'retry-ended', fields: { failures: 3 } },
    ])
  })

  test('a queue of purges never waits longer than half a minute', async () => {
    const { queue, pass, at } = startPurges()
    at.failures = 100
    queue.add(['a'])
    let longest = 0
    for (let i = 0; i < 50; i++) longest = Math.max(longest, ...(await pass()))
    expect(longest).toBe(30_000)
  })

  test('a queue of purges sends each purge again, as an older response may still have been on its way', async () => {
    const { queue, purged, pass } = startPurges({ againMs: 1_000 })
    queue.add(['a'])
    expect(await pass()).toEqual([50])
    expect(await pass()).toEqual([1_000])
    expect(await pass()).toEqual([50])
    expect(await pass()).toEqual([])
    expect(purged).toEqual([['a'], ['a']])
    await queue.idle()
  })

  test('a queue of purges purges whole projections where too many rows wait, and everything where too many projections do', async () => {
    const rows = startPurges({ tagsMax: 10, wholeOf: tag => tag.replace(/\/.*/, '') })
    rows.queue.add(Array.from({ length: 11 }, (_, i) => `orders/${i}`))
    rows.queue.add(['carts/1'])
    await rows.pass()
    expect(rows.purged).toEqual([['orders', 'carts/1']])
    const projections = startPurges({ tagsMax: 10, wholeOf: tag => tag.replace(/\/.*/, '') })
    projections.queue.add(Array.from({ length: 11 }, (_, i) => `projection ${i}/1`))
    projections.queue.add(['more'])
    await projections.pass()
    expect(projections.purged).toEqual(['all'])
  })

  test('a queue of purges stays bounded while the CDN is away', async () => {
    const { queue, purged, pass, at } = startPurges({ tagsMax: 10, againMs: 1_000 })
    at.failures = 20
    for (let i = 0; i < 20; i++) {
      queue.add([`a${i}`, `b${i}`])
      await pass()
      expect(queue.waiting).toBeLessThanOrEqual(10)
    }
    for (let i = 0; i < 5; i++) await pass()
    expect(purged).toEqual(['all', 'all'])
  })

  test('a queue of purges purges what waits when it is closed, and takes no more', async () => {
    const { queue, purged, at } = startPurges({ againMs: 1_000 })
    queue.add(['a'])
    await queue.close()
    queue.add(['b'])
    expect(queue.waiting).toBe(0)
    expect(purged).toEqual([['a'], ['a']])
    const failing = startPurges()
    failing.at.failures = 9
    failing.queue.add(['a'])
    await failing.queue.close()
    expect(failing.reported).toHaveLength(1)
    expect(at.failures).toBeLessThan(0)
  })

  test('a queue of purges leaves no timer behind', async () => {
    const queue = batchPurges({ purge: async () => {}, purgeAll: async () => {} }, { delayMs: 60_000, againMs: 60_000 })
    queue.add(['a'])
    await queue.close()
    await queue.idle()
  })
})
