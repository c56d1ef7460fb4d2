import { describe, expect, test } from 'bun:test'
import type { Notice } from '../ports/report/notice.ts'
import { memorySamples } from '../ports/samples/memory.ts'
import { type Samples, SAMPLES_KEEP_MS } from '../ports/samples/samples.ts'
import { BATCH_SAMPLES_MAX, PENDING_SAMPLES_MAX, Sampler } from './sampler.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const BEGIN = 490_000 * HOUR_MS

/** A node with a clock and counts that a test moves, as samples see it. */
function node(samples: Samples, writer = 'a', clock: { now: number } = { now: BEGIN }) {
  const counts = new Map<string, number>()
  const codes: string[] = []
  const notices: Notice[] = []
  const report = (notice: unknown) => {
    notices.push(notice as Notice)
    codes.push((notice as Notice).code)
  }
  const options = { samples, writer, count: () => new Map(counts), now: () => clock.now, report }
  const sampler = new Sampler(options)
  const add = (subject: string, more: number) => counts.set(subject, (counts.get(subject) ?? 0) + more)
  /** A minute in which something was counted. */
  const minute = async (more: Readonly<Record<string, number>> = {}) => {
    for (const [subject, count] of Object.entries(more)) add(subject, count)
    clock.now += MINUTE_MS
    await sampler.tick()
  }
  return { sampler, clock, codes, notices, add, minute, options }
}

/** What was counted, as `hour:minute subject` with its count. */
async function counted(samples: Samples): Promise<Readonly<Record<string, number>>> {
  const found = await samples.list({ after: { hour: 0, subject: '' }, limit: 100_000 })
  const entries = found.flatMap(({ subject, hour, minutes }) =>
    minutes.flatMap((count, minute) =>
      count === 0 ? [] : [[`${(hour - BEGIN) / HOUR_MS}:${minute} ${subject}`, count] as const],
    ),
  )
  return Object.fromEntries(entries)
}

/** Samples whose store is away for as long as a test wants: a batch is lost, or only its answer. */
function unreliable(samples: Samples, away: { before: boolean; after: boolean }): Samples {
  return {
    ...samples,
    add: async batch => {
      if (away.before) throw new Error('away')
      await samples.add(batch)
      if (away.after) throw new Error('away')
    },
  }
}

describe('the sampler', () => {
  test('the sampler writes what was counted into the minute that is over, also at the end of an hour', async () => {
    const samples = memorySamples()
    const { minute, clock } = node(samples)
    await minute({ s: 2, t: 1 })
    await minute({ s: 3 })
    clock.now = BEGIN + HOUR_MS - MINUTE_MS
    await minute({ s: 4 })
    await minute({ s: 5 })
    expect(await counted(samples)).toEqual({ '0:0 s': 2, '0:0 t': 1, '0:1 s': 3, '0:59 s': 4, '1:0 s': 5 })
  })

  test('the sampler writes nothing where nothing was counted', async () => {
    const samples = memorySamples()
    let calls = 0
    const add: Samples['add'] = batch => {
      calls++
      return samples.add(batch)
    }
    const { minute } = node({ ...samples, add })
    for (const more of [{}, { s: 1 }, {}, {}]) await minute(more)
    expect(calls).toBe(1)
  })

  test('the samplers of two nodes add their counts up', async () => {
    const samples = memorySamples()
    const nodes = [node(samples, 'a'), node(samples, 'b')]
    for (const one of nodes) await one.minute({ s: 2 })
    for (const one of nodes) await one.minute({ s: 3 })
    expect(await counted(samples)).toEqual({ '0:0 s': 4, '0:1 s': 6 })
  })

  test('the sampler adds what a store missed for five minutes once, each count to its minute, and reports one failure', async () => {
    for (const kind of ['before', 'after'] as const) {
      const samples = memorySamples()
      const away = { before: false, after: false }
      const { minute, codes } = node(unreliable(samples, away))
      await minute({ s: 1 })
      away[kind] = true
      for (const more of [2, 3, 0, 4, 5]) await minute({ s: more })
      away[kind] = false
      await minute({ s: 6 })
      expect(await counted(samples)).toEqual({ '0:0 s': 1, '0:1 s': 2, '0:2 s': 3, '0:4 s': 4, '0:5 s': 5, '0:6 s': 6 })
      expect(codes).toEqual(['retry-began', 'retry-ended'])
    }
  })

  test('the check that each count is added once sees a store that adds a batch whenever it comes', async () => {
    const samples = memorySamples()
    let number = 0
    const away = { before: false, after: true }
    const { minute } = node(unreliable({ ...samples, add: batch => samples.add({ ...batch, number: ++number }) }, away))
    await minute({ s: 1 })
    away.after = false
    await minute()
    expect(await counted(samples)).toEqual({ '0:0 s': 2 })
  })

  test('the sampler of a process that ends writes what it has, and the next one counts from its own begin', async () => {
    const samples = memorySamples()
    const before = node(samples, 'before')
    await before.minute({ s: 1 })
    before.add('s', 2)
    before.clock.now += 20_000
    await before.sampler.close()
    const after = node(samples, 'after', before.clock)
    await after.minute({ s: 4 })
    expect(await counted(samples)).toEqual({ '0:0 s': 3, '0:1 s': 4 })
  })

  test('the sampler leaves out what was counted before it began', async () => {
    const samples = memorySamples()
    const { options, add, clock } = node(samples)
    add('s', 7)
    const late = new Sampler(options)
    add('s', 1)
    clock.now += MINUTE_MS
    await late.tick()
    expect(await counted(samples)).toEqual({ '0:0 s': 1 })
  })

  test('the sampler whose clock jumps ahead forgets nothing, counts on at its time, and later forgets what is old', async () => {
    const samples = memorySamples()
    const { minute, clock } = node(samples)
    await minute({ s: 1 })
    clock.now += 2 * SAMPLES_KEEP_MS
    for (let i = 0; i < 30; i++) await minute()
    clock.now -= 2 * SAMPLES_KEEP_MS
    await minute({ s: 2 })
    expect(await counted(samples)).toEqual({ '0:0 s': 1, '0:31 s': 2 })
    clock.now += SAMPLES_KEEP_MS + HOUR_MS
    for (let i = 0; i < 59; i++) await minute({ s: 1 })
    expect(await counted(samples)).toMatchObject({ '0:0 s': 1 })
    for (let i = 0; i < 2; i++) await minute({ s: 1 })
    expect(await counted(samples)).not.toHaveProperty('0:0 s')
  })

  test('the sampler whose clock jumps back adds to the minutes of that time', async () => {
    const samples = memorySamples()
    const { minute, clock } = node(samples)
    for (const more of [1, 2, 3]) await minute({ s: more })
    clock.now -= 2 * MINUTE_MS
    await minute({ s: 10 })
    expect(await counted(samples)).toEqual({ '0:0 s': 1, '0:1 s': 12, '0:2 s': 3 })
  })

  test('the sampler keeps no more than it has room for while the store is away, and says how much was lost', async () => {
    const samples = memorySamples()
    const away = { before: true, after: false }
    const { minute, notices } = node(unreliable(samples, away))
    const subjects = (prefix: string, many: number) => Object.fromEntries(Array.from({ length: many }, (_, i) => [prefix + i, 1]))
    await minute(subjects('first', BATCH_SAMPLES_MAX))
    await minute(subjects('second', 3))
    await minute(subjects('third', PENDING_SAMPLES_MAX))
    away.before = false
    await minute()
    const found = Object.keys(await counted(samples))
    expect(found).toHaveLength(BATCH_SAMPLES_MAX + PENDING_SAMPLES_MAX)
    expect(found.some(key => key.includes('second'))).toBeFalse()
    const lost = notices.filter(({ code }) => code === 'samples-lost')
    expect(lost.map(({ level, fields }) => [level, fields])).toEqual([['warn', { samples: 3 }]])
  })

  test('the sampler of a process that ends while the store is away says how much was lost', async () => {
    const { sampler, add, notices } = node(unreliable(memorySamples(), { before: true, after: false }))
    for (const subject of ['s', 't']) add(subject, 1)
    await sampler.close()
    expect(notices.map(({ code, fields }) => [code, fields['samples']])).toEqual([
      ['retry-began', undefined],
      ['samples-lost', 2],
    ])
  })

  test('the sampler counts each minute at its begin, also while a write hangs', async () => {
    const samples = memorySamples()
    const held = Promise.withResolvers<void>()
    const { options, add, clock } = node({ ...samples, add: batch => held.promise.then(() => samples.add(batch)) })
    clock.now += 20_000
    const waits: number[] = []
    const over = Promise.withResolvers<void>()
    // Each wait is a minute in which one more is counted, until there were four.
    const sleep = async (ms: number) => {
      waits.push(ms)
      if (waits.length > 4) return over.promise
      add('s', waits.length)
      clock.now += ms
    }
    const sampler = new Sampler({ ...options, sleep })
    sampler.start()
    while (waits.length <= 4) await Promise.resolve()
    expect(waits).toEqual([40_000, MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS])
    held.resolve()
    over.resolve()
    await sampler.close()
    expect(await counted(samples)).toEqual({ '0:0 s': 1, '0:1 s': 2, '0:2 s': 3, '0:3 s': 4 })
  })

  test('the sampler that cannot delete old counts reports it once, and goes on', async () => {
    const samples = memorySamples()
    const { minute, codes } = node({ ...samples, forget: () => Promise.reject(new Error('away')) })
    for (let i = 0; i < 130; i++) await minute({ s: 1 })
    expect(codes).toEqual(['retry-began'])
    expect(Object.keys(await counted(samples))).toHaveLength(130)
  })
})
