import { expect, test } from 'bun:test'
import { Detection } from '../../definitions/detector/detection.ts'
import { memorySamples } from '../../ports/samples/memory.ts'
import { addMinutes, type Sample, type Samples, SAMPLES_KEEP_MS } from '../../ports/samples/samples.ts'
import { SAMPLES_LATE_MS, SampleReader } from './sample-reader.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const HOURS = 400
const SILENT_HOURS = 6
const FIRST = 490_000
const NOW = (FIRST + HOURS + SILENT_HOURS) * HOUR_MS + SAMPLES_LATE_MS

/** What two nodes have counted: two commands, of which one falls silent at the end. */
const SAMPLES = buildSamples()

function buildSamples(): readonly Sample[] {
  const draw = (subject: string, hour: number): Sample => ({
    ...{ subject, hour: (FIRST + hour) * HOUR_MS },
    minutes: Array.from({ length: 60 }, (_, minute) => (minute % 5 === hour % 5 ? 1 : 0)),
  })
  return Array.from({ length: HOURS + SILENT_HOURS }, (_, hour) => [
    ...(hour < HOURS ? [draw('command order.place', hour), draw('command order.place', hour)] : []),
    draw('command order.pay', hour),
  ]).flat()
}

async function samplesWith(added: readonly Sample[]): Promise<Samples> {
  const samples = memorySamples()
  // Two samples of one subject and hour are those of two nodes.
  for (const [number, sample] of added.entries()) await samples.add({ writer: 'a', number: number + 1, samples: [sample] })
  return samples
}

function readerOf(samples: Samples, clock: { readonly now: number }) {
  const isWatched = (subject: string) => subject.startsWith('command order.')
  return new SampleReader({ samples, threshold: 10, isWatched, now: () => clock.now })
}

test('a reader of samples finds over many pages what is found at once in the sums of all nodes', async () => {
  const whole = new Detection(10)
  const sums = Map.groupBy(SAMPLES, ({ subject, hour }) => `${hour} ${subject}`)
  const counts = [...sums.values()].map(([first, second]) => ({
    ...first!,
    minutes: second ? addMinutes(first!.minutes, second.minutes) : first!.minutes,
    last: [],
    follows: {},
  }))
  whole.add(counts)
  whole.close(NOW - SAMPLES_LATE_MS)
  expect(whole.findings).toMatchObject([{ subject: 'command order.place', change: 'silence', seen: 0, closedAt: null }])
  const reader = readerOf(await samplesWith([...SAMPLES, { ...SAMPLES[0]!, subject: 'command shelf.fill' }]), { now: NOW })
  await reader.read()
  expect(reader.findings).toEqual(whole.findings)
  expect(reader.subjects.map(({ subject }) => subject).toSorted()).toEqual(['command order.pay', 'command order.place'])
})

test('a reader of samples that reads every now and then finds what one finds that reads them at once', async () => {
  const samples = await samplesWith(SAMPLES)
  const clock = { now: NOW }
  const once = readerOf(samples, clock)
  await once.read()
  const steady = readerOf(samples, clock)
  for (let hour = 1; hour < HOURS + SILENT_HOURS; hour += 7) {
    clock.now = (FIRST + hour) * HOUR_MS + 20 * MINUTE_MS
    await steady.read()
  }
  clock.now = NOW
  await steady.read()
  expect(steady.findings).toEqual(once.findings)
  expect(steady.findings).toHaveLength(1)
})

test('a reader of samples whose store was away waits for what nodes have yet to write, and calls no silence', async () => {
  const samples = await samplesWith(SAMPLES.filter(({ subject }) => subject === 'command order.pay'))
  const clock = { now: (FIRST + HOURS) * HOUR_MS + SAMPLES_LATE_MS }
  const busy = { ...SAMPLES[0]!, subject: 'command order.pay', minutes: new Array<number>(60).fill(100) }
  for (let hour = 0; hour < HOURS; hour++)
    await samples.add({ writer: 'b', number: hour + 1, samples: [{ ...busy, hour: (FIRST + hour) * HOUR_MS }] })
  let isAway = false
  const list: Samples['list'] = filter => (isAway ? Promise.reject(new Error('away')) : samples.list(filter))
  const reader = readerOf({ ...samples, list }, clock)
  await reader.read()
  expect(reader.findings).toEqual([])
  const minutes = new Array<number>(60).fill(0)
  isAway = true
  for (let minute = 0; minute < 5; minute++) {
    minutes[minute] = 100
    clock.now += MINUTE_MS
    await expect(reader.read()).rejects.toThrow('away')
  }
  isAway = false
  // The nodes write a minute later.
  clock.now += MINUTE_MS
  minutes[5] = 100
  await reader.read()
  expect(reader.findings).toEqual([])
  minutes.fill(100, 6, 8)
  await samples.add({ writer: 'b', number: HOURS + 1, samples: [{ ...busy, hour: (FIRST + HOURS) * HOUR_MS, minutes }] })
  clock.now += SAMPLES_LATE_MS
  await reader.read()
  expect(reader.findings).toEqual([])
  // And it does look again.
  clock.now += HOUR_MS
  await reader.read()
  expect(reader.findings).toMatchObject([{ subject: 'command order.pay', change: 'silence', closedAt: null }])
})

test('a reader of samples whose clock was ahead begins anew, and finds what it would have found', async () => {
  const samples = await samplesWith(SAMPLES)
  const clock = { now: NOW - SILENT_HOURS * HOUR_MS }
  const reader = readerOf(samples, clock)
  await reader.read()
  expect(reader.findings).toEqual([])
  clock.now += 50 * HOUR_MS
  await reader.read()
  expect(reader.findings).not.toEqual([])
  clock.now -= 50 * HOUR_MS
  await reader.read()
  expect(reader.findings).toEqual([])
})

test('a reader of samples leaves out hours that have not come, and those of more than ten weeks ago', async () => {
  const strays = [0, 20_000_000].map(hour => ({ ...SAMPLES[0]!, hour: hour * HOUR_MS }))
  const clock = { now: NOW }
  const [sound, stray] = [
    readerOf(await samplesWith(SAMPLES), clock),
    readerOf(await samplesWith([...strays, ...SAMPLES]), clock),
  ]
  for (const reader of [sound, stray]) await reader.read()
  expect(stray.findings).toEqual(sound.findings)
  expect(stray.subjects).toEqual(sound.subjects)
  clock.now += SAMPLES_KEEP_MS - (SILENT_HOURS - 1) * HOUR_MS
  const late = readerOf(await samplesWith(SAMPLES), clock)
  await late.read()
  expect(late.subjects.map(({ subject }) => subject)).toEqual(['command order.pay'])
})
