// Two services that are linked, by webhooks or by a broker: what the flow of each says, and the trace and the baggage over both.
import { afterEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { type ServedProcess, serveProcess } from '../test-support/served-process.ts'
import { until } from '../test-support/servers/until.ts'

const FILE = join(import.meta.dir, '../test-support/linked-services.ts')
const TRACE = 'c'.repeat(32)
const ADMIN_TOKEN = 'a-token-of-16-characters'
afterEach(cleanUp)

type SentSpans = {
  readonly resourceSpans: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[]
    }
    readonly scopeSpans: readonly { readonly spans: readonly { readonly traceId: string; readonly name: string }[] }[]
  }[]
}

/** Receives spans, and keeps those of the trace as `service name`. */
function collectSpans() {
  const found: string[] = []
  const take = ({ resourceSpans }: SentSpans): void => {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue
      const spans = scopeSpans.flatMap(scope => scope.spans).filter(({ traceId }) => traceId === TRACE)
      found.push(...spans.map(({ name }) => `${service} ${name}`))
    }
  }
  const fetch = async (request: Request) => {
    take((await request.json()) as SentSpans)
    return Response.json({})
  }
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch })
  cleanUpLater(() => server.stop(true))
  return { found, url: server.url.origin }
}

/** The last service: keeps the headers of what it is told. */
function collectHeaders() {
  const found: (readonly [traceparent: string | null, baggage: string | null])[] = []
  const fetch = ({ headers }: Request) => {
    found.push([headers.get('traceparent'), headers.get('baggage')])
    return new Response()
  }
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch })
  cleanUpLater(() => server.stop(true))
  return { found, url: server.url.origin }
}

async function startServices(environment: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-linked-'))
  cleanUpLater(() => rmSync(folder, { recursive: true }))
  const [spans, customer] = [collectSpans(), collectHeaders()]
  const otel = {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: spans.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    LOG_LEVEL: 'info,request=off',
  }
  const start = async (ROLE: string, NEXT_URL: string) => {
    const env = { ...environment, ...otel, ADMIN_TOKEN, ROLE, NEXT_URL, SQLITE_FILE: join(folder, `${ROLE}.db`) }
    const service = await serveProcess([process.execPath, FILE], env)
    cleanUpLater(async () => void (await service.stop()))
    return { service, flow: (...words: readonly string[]) => runFlow(service, env, words) }
  }
  const warehouse = await start('warehouse', customer.url)
  const shop = await start('shop', `${warehouse.service.url}/hooks/orders`)
  return { shop, warehouse, customer, spans }
}

async function runFlow({ url }: ServedProcess, env: Readonly<Record<string, string>>, words: readonly string[]): Promise<string> {
  const { PATH = '' } = process.env
  const child = Bun.spawn([process.execPath, FILE, 'flow', ...words], {
    env: { ...env, PATH, PORT: new URL(url).port },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const out = await child.stdout.text()
  expect(await child.exited).toBe(0)
  return out
}

const placeOrder = (url: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${url}/order/place`, { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json', ...headers } })

type Rated = { readonly from: string; readonly to: string; readonly perSecond?: number }

/** Tests two services that are linked. `ends`: what the flow of the shop, and of the warehouse, says of the other side. */
export function testLinked(link: string, environmentOf: () => Promise<Record<string, string>>, relay: string): void {
  test(`an order goes from one service to another by ${link}, in one trace, with its baggage, and both flows name the other`, async () => {
    const environment = await environmentOf()
    const { shop, warehouse, customer, spans } = await startServices(environment)
    const sent = { traceparent: `00-${TRACE}-${'d'.repeat(16)}-01`, baggage: 'tenant=blue' }
    const isToldInTrace = async () => {
      const before = customer.found.length
      expect((await placeOrder(shop.service.url, sent)).status).toBe(201)
      await until('the third service is told', () => customer.found.length > before)
      // On a machine so slow that the trace is over meanwhile, another order is placed.
      return customer.found.at(-1)![0]?.includes(TRACE) === true
    }
    await until('the trace goes as far as the third service', isToldInTrace)
    expect(customer.found.at(-1)![1]).toBe('tenant=blue')
    const names = ['shop dispatch order.place', 'warehouse dispatch parcel.pack']
    await until('both have sent their spans', () => names.every(name => spans.found.includes(name)))

    const { host } = new URL(warehouse.service.url)
    const [target, source] = environment['NATS_URL'] ? ['topic:SHOP.>', 'topic:SHOP.>'] : [`service:${host}`, 'service:shop']
    const edgesOf = (out: string) => (JSON.parse(out) as { readonly edges: readonly Rated[] }).edges
    expect(edgesOf(await shop.flow('--json'))).toContainEqual({ from: `relay:${relay}`, to: target! })
    const edges = edgesOf(await warehouse.flow('--json'))
    expect(edges).toContainEqual({ from: source!, to: 'inbox:orders' })
    expect(edges).toContainEqual({ from: 'inbox:orders', to: 'decider:parcel' })

    let isOver = false
    const keepPlacing = async () => {
      while (!isOver) await (await placeOrder(shop.service.url)).arrayBuffer()
    }
    const placing = keepPlacing()
    const isMoving = async ({ flow }: typeof shop, from: string, to: string) => {
      const found = edgesOf(await flow('--json', '--rates', '--seconds', '1'))
      return found.some(edge => edge.from === from && edge.to === to && edge.perSecond! > 0)
    }
    await until('the shop sends', () => isMoving(shop, `relay:${relay}`, target!))
    await until('the warehouse takes', () => isMoving(warehouse, source!, 'inbox:orders'))
    isOver = true
    await placing
  })
}
