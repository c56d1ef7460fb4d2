import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveProcess } from '../../src/test-support/served-process.ts'
import { freePort } from '../../src/test-support/servers/free-port.ts'
import { startPrometheus } from '../../src/test-support/servers/prometheus.ts'
import { dashboards } from './dashboards.ts'

/** What has series only once something fails, in an app with more than the marketplace has, or in PostgreSQL. */
const EMPTY_IN_HEALTH = new Set([
  'What comes more or less often than usual?',
  'How long does it take to fetch what commands need?',
  'What do records tell operators?',
  'What is tried again and again?',
  'How often does something begin to fail?',
  'How often does something stand still?',
  'How many attempts fail?',
  'Which metrics have too many series?',
  'Which values could not be read?',
  'How many connections are in use?',
  'Who waits for a connection?',
  'How long is the wait for a connection?',
  'Are appends of other processes heard at once?',
  'How long do reads wait for new rows?',
  'Does the CDN purge?',
  'What was taken over?',
  'How much is being parked?',
  'How far are new versions of rows?',
  'How long do receivers take?',
  'Which receivers are away?',
  'How late do timers fire?',
  'What comes in by inboxes?',
  'Who is cut off, and why?',
])

/** How often it is asked, a second apart. A machine that is much slower needs fewer. */
const ROUNDS = 120

type Shown = {
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
  readonly panels?: readonly Shown[]
}

test('each panel of a dashboard has data from a Prometheus that scraped the marketplace under load', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-panels-'))
  const metrics = freePort()
  const environment = { SQLITE_FILE: join(folder, 'log.db'), METRICS_PORT: String(metrics), NODE_ENV: 'test' }
  const served = await serveProcess(['bun', 'examples/marketplace/main.ts'], environment)
  await using prometheus = await startPrometheus({ scraped: [metrics] })
  const isLoaded = new AbortController()
  const load = shop(served.url, isLoaded.signal)
  try {
    const built = Object.values(dashboards()).flatMap(({ panels }) => panels as unknown as readonly Shown[])
    const panels = new Map(built.flatMap(panel => [panel, ...(panel.panels ?? [])]).map(panel => [panel.title, panel]))
    const isDark = async ({ targets = [] }: Shown) => {
      const answers = await Promise.all(targets.map(({ expr }) => prometheus.query(asked(expr))))
      return answers.some(samples => samples.every(({ value }) => value[1] === 'NaN'))
    }
    let dark: string[] = []
    for (let round = 0; round < ROUNDS; round++) {
      dark = []
      for (const panel of panels.values()) if (!EMPTY_IN_HEALTH.has(panel.title) && (await isDark(panel))) dark.push(panel.title)
      if (!dark.length) break
      await Bun.sleep(1_000)
    }
    expect(dark).toEqual([])
    expect([...EMPTY_IN_HEALTH].filter(title => !panels.has(title))).toEqual([])
  } finally {
    isLoaded.abort()
    await load
    await served.stop()
    rmSync(folder, { recursive: true })
  }
})

const asked = (expr: string) => expr.replaceAll('$__rate_interval', '30s').replaceAll('$job', '.*')

/** Buys and reads, and is refused now and then, until it is told to end. */
async function shop(url: string, signal: AbortSignal): Promise<void> {
  const post = (path: string, body: object) =>
    fetch(url + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  const later = { 'Content-Type': 'application/json', 'Schedule-At': '2099-01-01T00:00:00Z' }
  await fetch(`${url}/inventory/b/restock`, { method: 'POST', headers: later, body: JSON.stringify({ qty: 1 }) })
  for (let i = 0; !signal.aborted; i++) {
    const items = [{ sku: 'a', qty: 1, price: 100 }]
    await post('/inventory/a/restock', { qty: 1 })
    await post('/inventory/a/restock', { qty: 'one' })
    await post(`/order/o${i}/place`, { customerId: 'c1', items })
    await post(`/order/o${i}/place`, { customerId: 'c1', items })
    await post(`/payment/d${i}/decline`, {})
    for (const path of [`/order/o${i}`, '/orders', '/order-summary?customerId=c1', '/nothing']) await fetch(url + path)
    await Bun.sleep(20)
  }
}
