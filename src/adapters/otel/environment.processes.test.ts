// What the environment says, each time in a process of its own, with a collector on the loopback.
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import manifest from '../../../package.json'
import { VERSIONS } from './packages.ts'

const ROOT = join(import.meta.dir, '../../..')
type SentRequest = { readonly path: string; readonly headers: Headers; readonly body: string }
const sent: SentRequest[] = []
const collector = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  development: false,
  fetch: async request => {
    sent.push({ path: new URL(request.url).pathname, headers: request.headers, body: await request.text() })
    return request.headers.get('content-type') === 'application/json' ? Response.json({}) : new Response()
  },
})
beforeEach(() => void sent.splice(0))
afterAll(() => collector.stop(true))

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url.origin }
const json = { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }

/** One request by an app with telemetry, of a trace that is sampled, not sampled, or new. */
async function run(environment: Record<string, string>, parent?: '00' | '01', folder = ROOT) {
  const traceparent = parent ? { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-${parent}` } : {}
  const script = `
    import { Hono } from 'hono'
    import { telemetry } from '${folder}/src/adapters/otel/index.ts'
    const { trace, middleware, shutdown } = await telemetry({ serviceName: 'shop', serviceVersion: '1.2.3' })
    const app = new Hono()
    for (const one of middleware) app.use(one)
    app.get('/hello/:name', c => c.text(String(trace.current()?.traceparent)))
    console.log(await (await app.request('/hello/you', { headers: ${JSON.stringify(traceparent)} })).text())
    await shutdown()
    await shutdown()
    console.log(JSON.stringify(Object.keys(require.cache).filter(file => file.includes('opentelemetry') || file.includes('${folder}/src'))))`
  const child = Bun.spawn([process.execPath, '--no-install', '-e', script], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...environment },
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 300_000,
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  const [current, files] = stdout.split('\n')
  return { current, files: files ? (JSON.parse(files) as string[]) : [], stderr, code }
}

type Attribute = { readonly key: string; readonly value: { readonly stringValue: string } }
const resourceOf = ({ body }: SentRequest): Record<string, string> =>
  Object.fromEntries(
    (JSON.parse(body).resourceSpans[0].resource.attributes as Attribute[]).map(({ key, value }) => [key, value.stringValue]),
  )

describe('telemetry', () => {
  test('telemetry sends protobuf, and the spans that were recorded before the end', async () => {
    const { code, stderr, files } = await run(endpoint)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(files.filter(file => file.split('/node_modules/').length > 2)).toEqual([])
    expect(sent).toHaveLength(1)
    expect(sent[0]!.path).toBe('/v1/traces')
    expect(sent[0]!.headers.get('content-type')).toBe('application/x-protobuf')
    expect(sent[0]!.body).toContain('GET /hello/:name')
  })

  test('telemetry sends JSON, with the headers and the resource that are asked for', async () => {
    const { stderr } = await run({
      ...json,
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=test',
    })
    expect(stderr).toBe('')
    expect(sent[0]!.headers.get('api-key')).toBe('secret')
    expect(JSON.parse(sent[0]!.body).resourceSpans[0].scopeSpans[0].spans[0].name).toBe('GET /hello/:name')
    expect(resourceOf(sent[0]!)).toMatchObject({
      'service.name': 'other',
      'service.version': '1.2.3',
      'deployment.environment.name': 'test',
      'process.runtime.name': 'bun',
    })
  })

  test('telemetry names the service of the app, unless OTEL_SERVICE_NAME names another', async () => {
    await run(json)
    await run({ ...json, OTEL_SERVICE_NAME: 'market' })
    expect(sent.map(one => resourceOf(one)['service.name'])).toEqual(['shop', 'market'])
  })

  test.each([
    ['always_on', undefined, '00', 1],
    ['always_off', undefined, '01', 0],
    ['traceidratio', '0', '01', 0],
    ['traceidratio', '1', '00', 1],
    ['parentbased_always_on', undefined, '00', 0],
    ['parentbased_always_off', undefined, '01', 1],
    ['parentbased_always_off', undefined, undefined, 0],
    ['parentbased_traceidratio', '0', undefined, 0],
    ['parentbased_traceidratio', undefined, undefined, 1],
  ] as const)('telemetry samples by %s of %s, the parent being %s', async (sampler, argument, parent, count) => {
    const { stderr } = await run(
      { ...json, OTEL_TRACES_SAMPLER: sampler, ...(argument && { OTEL_TRACES_SAMPLER_ARG: argument }) },
      parent,
    )
    expect(stderr).toBe('')
    expect(sent).toHaveLength(count)
  })

  test('telemetry samples as by default where the sampler is unknown, and warns', async () => {
    const { stderr } = await run({ ...json, OTEL_TRACES_SAMPLER: 'jaeger_remote' })
    expect(stderr).toContain('OTEL_TRACES_SAMPLER: expected always_on')
    expect(sent).toHaveLength(1)
  })

  const off: [Record<string, string>][] = [
    [{}],
    [{ ...endpoint, OTEL_SDK_DISABLED: 'true' }],
    [{ ...endpoint, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' }],
  ]
  test.each(off)('telemetry with %o loads nothing and records nothing', async environment => {
    const { current, files, stderr } = await run(environment)
    expect({ current, stderr }).toEqual({ current: 'undefined', stderr: '' })
    const own = files.filter(file => !file.includes('/src/adapters/otel/')).map(file => file.slice(ROOT.length))
    expect(own.toSorted()).toEqual([
      '/src/definitions/nearest-name.ts',
      '/src/definitions/option-names.ts',
      '/src/lib/deadline.ts',
      '/src/lib/http-request.ts',
      '/src/lib/turns.ts',
      '/src/ports/trace/accept-baggage.ts',
      '/src/ports/trace/trace.ts',
    ])
    expect(sent).toEqual([])
  })

  test('telemetry ends in time and reports why where the collector does not answer', async () => {
    const { code, stderr } = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_TIMEOUT: '200' })
    expect(code).toBe(0)
    expect(stderr).toContain('the last spans, metrics and records were not sent')
  })

  test('telemetry refuses a protocol that it does not speak', async () => {
    const { code, stderr } = await run({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })
    expect(code).toBe(1)
    expect(stderr).toContain('OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf or http/json; found grpc')
  })

  test('telemetry names the missing package, and what to install, in one line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'emaki-otel-'))
    try {
      await mkdir(join(folder, 'node_modules'))
      await symlink(join(ROOT, 'node_modules/hono'), join(folder, 'node_modules/hono'))
      for (const part of ['adapters/otel', 'definitions', 'ports/trace', 'lib'])
        await cp(join(ROOT, 'src', part), join(folder, 'src', part), { recursive: true })
      expect(await run({}, undefined, folder)).toMatchObject({ code: 0, stderr: '' })
      const { code, stderr } = await run(endpoint, undefined, folder)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error: emaki\/otel needs @opentelemetry\/api: bun add --exact @hono\/otel@1\.1\.2 .+$/m)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('telemetry names the versions that it is tested with where a package is another', () => {
    expect(manifest.devDependencies).toMatchObject(VERSIONS)
  })
})

test.each(['src/index.ts', 'routes/index.ts', 'src/cli/index.ts'])('importing %s loads nothing of OpenTelemetry', async file => {
  const script = `
    await import('${ROOT}/${file}')
    console.log(JSON.stringify(Object.keys(require.cache)))`
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', timeout: 300_000 })
  const files = JSON.parse(await child.stdout.text()) as string[]
  expect(files).toContain(`${ROOT}/${file}`)
  expect(files.filter(file => /opentelemetry|@hono\/otel|src\/otel/.test(file))).toEqual([])
})
