// The cost of one scrape of 3 000 series, 300 of them histograms: `bun bench/scrape.ts`.
import { Metrics } from '../src/metrics/registry.ts'
import { type TextFormat, writeText } from '../src/metrics/text.ts'

const HISTOGRAMS = 300
const COUNTERS = 900
const ROUNDS = 100
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

function fill(metrics: Metrics): void {
  for (let i = 0; i < HISTOGRAMS; i++) {
    const took = metrics.histogram('emaki.send.duration', `order.command-${i}`)
    for (let seconds = 0.000_1; seconds < 10; seconds *= 2) took.record(seconds, TRACEPARENT)
  }
  for (let i = 0; i < COUNTERS; i++) {
    metrics.counter('emaki.command.rejections', `order.command-${i}`, `code-${i}`).add(i)
    metrics.counter('emaki.command.invalid', `order.command-${i}`).add(i)
    metrics.counter('emaki.notices', `code-${i}`, 'warn', 'order').add(i)
  }
}

async function scrape(metrics: Metrics, format: TextFormat): Promise<number> {
  return (await new Response(await writeText(await metrics.read(), format)).bytes()).length
}

/** The time of the processor of one scrape, in ms. It counts what the collector's threads do. */
async function measureCpu(run: () => Promise<number>): Promise<number> {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** The longest time between two turns of the event loop while one scrape goes on, in ms. */
async function measureLongest(run: () => Promise<number>): Promise<number> {
  let [longest, at, isOver] = [0, performance.now(), false]
  const turn = () => {
    const now = performance.now()
    longest = Math.max(longest, now - at)
    at = now
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  await run()
  isOver = true
  return longest
}

const medianOf = (values: readonly number[]): string => values.toSorted((a, b) => a - b)[values.length >> 1]!.toFixed(2)

const metrics = new Metrics()
fill(metrics)
for (const format of ['openmetrics', 'classic'] as const) {
  const run = () => scrape(metrics, format)
  const [cpu, longest] = [[] as number[], [] as number[]]
  const bytes = await run()
  for (let i = 0; i < ROUNDS; i++) {
    cpu.push(await measureCpu(run))
    longest.push(await measureLongest(run))
  }
  console.log(`${format}: ${medianOf(cpu)} ms of the processor, at most ${medianOf(longest)} ms at once, ${bytes} bytes`)
}
