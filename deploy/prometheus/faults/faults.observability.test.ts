// A real fault makes exactly its alert fire, and health makes none fire: real processes, Prometheus and Alertmanager, with
// the deployed rules in a thirtieth of their time. FAULTS=all has also those that take long, and ten minutes of health.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Daemon } from '../../../src/test-support/servers/daemon.ts'
import { freePort } from '../../../src/test-support/servers/free-port.ts'
import { type PostgresServer, startPostgres } from '../../../src/test-support/servers/postgres.ts'
import { type PrometheusServer, startAlertmanager, startPrometheus } from '../../../src/test-support/servers/prometheus.ts'
import { until } from '../../../src/test-support/servers/until.ts'
import { RULES, readRules } from '../asked.ts'
import { FAULTS, type Fault } from './faults.ts'
import { Rig } from './rig.ts'
import { FACTOR, scaleRules } from './scale.ts'

const { FAULTS: form = 'quick', FAULT: only } = process.env
const tried = FAULTS.filter(({ alert, isLong }) => (only ? alert === only : form === 'all' || !isLong))
if (tried.length < FAULTS.length)
  console.log(`${FAULTS.length - tried.length} faults are left to bun run test:faults, with ten minutes of health`)

const HEALTHY = 'healthy'
const HEALTH_MS = 600_000
const EVERY_SECONDS = 2
/** How many apps run beside each other. */
const TOGETHER = 6
/** So often in a row it has to be as expected, one evaluation after the other: what comes later is a fault, too. */
const LOOKS = 5
/** It bounds a fault whose alert never fires. */
const LIMIT_MS = 600_000

/** By job: the ports at which its processes show their metrics. */
const ports = new Map(
  [...tried.map(({ alert, nodes = 1 }) => [alert, nodes] as const), [HEALTHY, 1] as const].map(([job, nodes]) => [
    job,
    Array.from({ length: nodes }, freePort),
  ]),
)
type Called = { readonly labels: Readonly<Record<string, string>>; readonly annotations: Readonly<Record<string, string>> }
const received: Called[] = []

let server: PostgresServer
let alertmanager: Daemon
let prometheus: PrometheusServer
let receiver: ReturnType<typeof Bun.serve>
beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: 400 } })
  receiver = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async request => {
      received.push(...((await request.json()) as { readonly alerts: readonly Called[] }).alerts)
      return new Response()
    },
  })
  const routes = readFileSync(join(import.meta.dir, '../alertmanager.yaml'), 'utf8')
    .replace('http://receiver:8080/alerts', `http://127.0.0.1:${receiver.port}/alerts`)
    .replaceAll(/(group_wait|group_interval): \w+/g, '$1: 1s')
  alertmanager = await startAlertmanager(routes)
  prometheus = await startPrometheus({
    scraped: Object.fromEntries(ports),
    rules: scaleRules(RULES, FACTOR),
    alertmanager: alertmanager.port,
    everySeconds: EVERY_SECONDS,
  })
})
afterAll(async () => {
  await prometheus?.stop()
  await alertmanager?.stop()
  receiver?.stop(true)
  await server?.stop()
})

/** Which alerts somebody is called for: those that fire, and that no other one makes needless. */
async function readCalls(job: string): Promise<readonly string[]> {
  const answer = await fetch(`http://127.0.0.1:${alertmanager.port}/api/v2/alerts?inhibited=false&silenced=false`)
  const alerts = (await answer.json()) as readonly Called[]
  return [...new Set(alerts.filter(({ labels }) => labels['job'] === job).map(({ labels }) => labels['alertname']!))].toSorted()
}

/** Serves an app and plants its fault. Gives what somebody was called for, once it is what is expected, or at the limit. */
async function tryFault({ alert, follows = {}, needsPostgres, setUp, plant }: Fault): Promise<readonly string[]> {
  const expected = [alert, ...Object.keys(follows)].toSorted()
  const rig = await Rig.start({ metrics: ports.get(alert)!, ...(needsPostgres && { server }), ...setUp?.(server) })
  try {
    await until(`${alert}: its app is scraped`, async () => (await prometheus.query(`up{job="${alert}"} == 1`)).length > 0)
    const before = await readCalls(alert)
    if (before.length) return ['before:', ...before]
    await plant(rig)
    let found: readonly string[] = []
    let times = 0
    for (const end = Date.now() + LIMIT_MS; Date.now() < end && times < LOOKS; await Bun.sleep(EVERY_SECONDS * 1_000)) {
      found = await readCalls(alert)
      times = Bun.deepEquals(found, expected) ? times + 1 : 0
    }
    return found
  } finally {
    await rig.end()
  }
}

/** Which alerts have fired for a job, as far as a Prometheus remembers. */
async function everFired(of: PrometheusServer, job: string): Promise<readonly string[]> {
  const fired = await of.query(`max by (alertname) (max_over_time(ALERTS{job="${job}",alertstate="firing"}[1h]))`)
  return fired.map(({ metric }) => metric['alertname']!).toSorted()
}

describe('an alert', () => {
  const results = new Map(tried.map(({ alert }) => [alert, Promise.withResolvers<readonly string[]>()]))
  let healthy: Rig
  beforeAll(async () => {
    healthy = await Rig.start({ metrics: ports.get(HEALTHY)! })
    const queue = [...tried]
    const run = async () => {
      for (let one = queue.shift(); one; one = queue.shift()) {
        const began = Date.now()
        const found = await tryFault(one).catch(error => [String(error)])
        console.log(`${one.alert}: ${found.join(' ')} after ${Math.round((Date.now() - began) / 1_000)} s`)
        results.get(one.alert)!.resolve(found)
      }
    }
    for (let i = 0; i < TOGETHER; i++) void run()
  })
  afterAll(() => healthy.end())

  test('each alert has a fault', () => {
    expect(FAULTS.map(({ alert }) => alert).toSorted()).toEqual(
      readRules()
        .flatMap(({ alert }) => alert ?? [])
        .toSorted(),
    )
  })

  for (const { alert, follows = {} } of tried)
    test(
      `the alert ${alert} fires for a real fault, and no other one calls anybody`,
      async () => {
        expect(await results.get(alert)!.promise).toEqual([alert, ...Object.keys(follows)].toSorted())
      },
      LIMIT_MS,
    )

  test('no alert fires for an app in health that is used all the while', async () => {
    await Promise.all([...results.values()].map(({ promise }) => promise))
    expect(await prometheus.query(`up{job="${HEALTHY}"} == 1`)).toHaveLength(1)
    expect(await everFired(prometheus, HEALTHY)).toEqual([])
  })

  test('an alert whose expression is broken is missed, and one that is true of health is seen', async () => {
    const wrong = RULES.replace('expr: up == 0', 'expr: up == 2').replace(
      '(emaki_subscription_owner) == 0',
      '(emaki_subscription_owner) == 1',
    )
    const job = `${HEALTHY}-of-wrong-rules`
    const gone = freePort()
    const app = await Rig.start({ metrics: [gone] })
    await using planted = await startPrometheus({
      scraped: { [HEALTHY]: ports.get(HEALTHY)!, [job]: [gone] },
      rules: scaleRules(wrong, FACTOR),
      everySeconds: EVERY_SECONDS,
    })
    await until('it is scraped', async () => (await planted.query(`up{job="${job}"} == 1`)).length > 0)
    process.kill(app.nodes[0]!.pid, 'SIGKILL')
    await until('it is known to be away', async () => (await planted.query(`up{job="${job}"} == 0`)).length > 0)
    await until('health is called a fault', async () => (await everFired(planted, HEALTHY)).length > 0)
    expect(await everFired(planted, HEALTHY)).toEqual(['EmakiUnowned'])
    expect(await everFired(planted, job)).not.toContain('EmakiDown')
    await app.end()
  })

  test('Alertmanager tells a receiver what fires, and what mends it', async () => {
    const [first] = tried
    await results.get(first!.alert)!.promise
    await until('somebody is told', () => received.some(({ labels }) => labels['alertname'] === first!.alert))
    const { annotations } = received.find(({ labels }) => labels['alertname'] === first!.alert)!
    expect(Object.keys(annotations).toSorted()).toEqual(['mend', 'summary'])
    expect(annotations['mend']).toBe(readRules().find(({ alert }) => alert === first!.alert)!.annotations!.mend)
  })

  test.if(form === 'all')(
    'no alert fires in ten minutes of health, by the rules as they are deployed',
    async () => {
      await Promise.all([...results.values()].map(({ promise }) => promise))
      await using deployed = await startPrometheus({
        scraped: { [HEALTHY]: ports.get(HEALTHY)! },
        rules: RULES,
        everySeconds: 10,
      })
      await Bun.sleep(HEALTH_MS)
      expect(await deployed.query(`count_over_time(up{job="${HEALTHY}"}[10m]) > 50`)).toHaveLength(1)
      expect(await everFired(deployed, HEALTHY)).toEqual([])
    },
    HEALTH_MS + LIMIT_MS,
  )
})
