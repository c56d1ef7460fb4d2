// The marketplace as one binary: a command is one trace, from the client's header to the collector and into the log.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '../../..')
const WAIT_MS = 300_000
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const CLIENT_SPAN_ID = '00f067aa0ba902b7'

type Span = {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly kind: number
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[]
}
type ExportedTrace = {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[]
}

let folder: string
const spans = new Map<string, Span>()
/** What was sent besides spans, by path. */
const pushed = new Map<string, string>()
const collector = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  development: false,
  fetch: async request => {
    const { pathname } = new URL(request.url)
    if (pathname !== '/v1/traces') {
      pushed.set(pathname, (pushed.get(pathname) ?? '') + (await request.text()))
      return Response.json({})
    }
    const { resourceSpans } = (await request.json()) as ExportedTrace
    for (const { scopeSpans } of resourceSpans)
      for (const scope of scopeSpans) for (const span of scope.spans) if (span.traceId === TRACE_ID) spans.set(span.name, span)
    return Response.json({})
  },
})

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emaki-otel-'))
})
afterAll(async () => {
  await collector.stop(true)
  await rm(folder, { recursive: true })
})

test('a compiled app sends its spans, metrics and records, and stores the trace with the event', async () => {
  const binary = join(folder, 'marketplace')
  const flags = ['--compile', '--bytecode', '--format=esm', '--minify', '--outfile', binary]
  const build = Bun.spawnSync([process.execPath, 'build', ...flags, 'examples/marketplace/by-hand.ts'], {
    cwd: ROOT,
    stderr: 'pipe',
  })
  expect(build.stderr.toString()).not.toContain('error')
  const child = Bun.spawn([binary], {
    cwd: folder,
    env: {
      HOST: '127.0.0.1',
      PORT: '0',
      SQLITE_FILE: join(folder, 'log.db'),
      LOG_LEVEL: 'info,request=debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url.origin,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const overdue = setTimeout(() => child.kill('SIGKILL'), WAIT_MS)
  try {
    const url = await addressIn(child.stdout)
    const sent = await fetch(new URL('/order/o1/place', url), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', traceparent: `00-${TRACE_ID}-${CLIENT_SPAN_ID}-01` },
      body: JSON.stringify({ customerId: 'c1', items: [{ sku: 's1', qty: 1, price: 100 }] }),
    })
    expect(sent.status).toBe(201)
    const stream = (await (await fetch(new URL('/streams/order-o1', url))).json()) as Stream
    child.kill('SIGTERM')
    const printed = (await child.stderr.text()).split('\n').filter(line => line && !line.includes('"code":"request"'))
    expect({ code: await child.exited, printed }).toEqual({ code: 0, printed: [] })

    expect(pushed.get('/v1/metrics')).toContain('"emaki.command.duration"')
    expect(pushed.get('/v1/logs')).toContain('"request"')
    const request = spanOf('POST /order/:id/place')
    expect(request).toMatchObject({ parentSpanId: CLIENT_SPAN_ID, kind: 2 })
    expect(attributesOf(request)).toMatchObject({ 'http.route': '/order/:id/place', 'http.response.status_code': 201 })
    expect(attributesOf(request)).toMatchObject({ 'client.address': '127.0.0.1', 'server.port': Number(url.port) })
    const dispatch = spanOf('dispatch order.place')
    expect(dispatch.parentSpanId).toBe(request.spanId)
    for (const name of ['load events', 'decide order.place', 'append events'])
      expect(spanOf(name).parentSpanId).toBe(dispatch.spanId)
    expect(attributesOf(spanOf('append events'))).toMatchObject({ 'db.system.name': 'sqlite', 'db.operation.name': 'append' })
    expect(stream.events.map(({ meta }) => meta.traceparent)).toEqual([`00-${TRACE_ID}-${dispatch.spanId}-01`])
  } finally {
    clearTimeout(overdue)
    child.kill('SIGKILL')
  }
})

type Stream = { readonly events: readonly { readonly meta: { readonly traceparent: string } }[] }

/** Where it says that it serves. */
async function addressIn(stdout: ReadableStream<Uint8Array>): Promise<URL> {
  let said = ''
  const decoder = new TextDecoder()
  for await (const chunk of stdout) {
    said += decoder.decode(chunk, { stream: true })
    const found = /serving on (http:\/\/[^\s"]+)/.exec(said)
    if (found) return new URL(found[1]!)
  }
  throw new Error(`expected an address, found ${said}`)
}

function spanOf(name: string): Span {
  const found = spans.get(name)
  if (!found) throw new Error(`expected a span ${name}, found ${[...spans.keys()].join(', ')}`)
  return found
}

function attributesOf({ attributes }: Span): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
