// The shape of the whole, held as data: a further folder is a row here, a further public name a decision that shows.
import { describe, expect, test } from 'bun:test'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'

const ROOT = join(import.meta.dir, '..')

/** Who may import whom. `src` is what stands in src/ itself (the index and the configuration). */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/lib': [],
  'src/event': [],
  'src/decider': ['src/event'],
  'src/trace': [],
  'src/read-model': [],
  'src/store': ['src/event', 'src/lib', 'src/read-model'],
  'src/bus': ['src/store'],
  'src/cache': [],
  'src/redis': ['src/cache', 'src/lib'],
  'src/webhooks': ['src/delivery', 'src/event', 'src/processor'],
  'src/projection': ['src/event'],
  'src/processor': ['src/decider', 'src/event'],
  'src/process': ['src/decider', 'src/event', 'src/projection'],
  'src/query': ['src/event', 'src/projection'],
  'src/subscription': [
    'src/bus',
    'src/decider',
    'src/event',
    'src/lib',
    'src/process',
    'src/processor',
    'src/projection',
    'src/read-model',
    'src/store',
    'src/trace',
    'src/transfer',
    'src/subscription/projector',
  ],
  'src/relay': ['src/decider', 'src/dispatch', 'src/event', 'src/lib', 'src/process', 'src/read-model', 'src/store', 'src/trace'],
  'src/subscription/projector': ['src/process', 'src/projection', 'src/read-model', 'src/store', 'src/subscription'],
  'src/answer': [
    'src/cache',
    'src/cdn',
    'src/event',
    'src/projection',
    'src/query',
    'src/read-model',
    'src/store',
    'src/subscription',
    'src/subscription/projector',
    'src/trace',
  ],
  'src/cdn': ['src/cache', 'src/lib'],
  'src/delivery': ['src/lib'],
  'src/inbox': ['src/decider', 'src/dispatch', 'src/webhooks'],
  'src/kafka': ['src/delivery', 'src/event', 'src/processor'],
  'src/nats': ['src/delivery', 'src/event', 'src/processor'],
  'src/dispatch': ['src/bus', 'src/decider', 'src/event', 'src/store', 'src/trace'],
  'src/sqlite': ['migrations/sqlite', 'src/read-model', 'src/store'],
  'src/postgres': ['migrations/postgres', 'src/event', 'src/lib', 'src/read-model', 'src/store'],
  'src/otel': ['src/lib', 'src/trace'],
  'src/transfer': ['src/event', 'src/store'],
  'src/cli': [
    'routes',
    'routes/events',
    'src',
    'src/bus',
    'src/decider',
    'src/event',
    'src/lib',
    'src/postgres',
    'src/process',
    'src/processor',
    'src/projection',
    'src/read-model',
    'src/relay',
    'src/sqlite',
    'src/store',
    'src/subscription',
    'src/transfer',
  ],
  src: [
    'src/answer',
    'src/bus',
    'src/cache',
    'src/cdn',
    'src/decider',
    'src/dispatch',
    'src/event',
    'src/inbox',
    'src/process',
    'src/processor',
    'src/projection',
    'src/query',
    'src/relay',
    'src/store',
    'src/subscription',
    'src/trace',
    'src/transfer',
  ],
  routes: [
    'routes/events',
    'routes/openapi',
    'src',
    'src/answer',
    'src/cache',
    'src/decider',
    'src/dispatch',
    'src/event',
    'src/inbox',
    'src/lib',
    'src/postgres',
    'src/process',
    'src/processor',
    'src/projection',
    'src/query',
    'src/redis',
    'src/relay',
    'src/sqlite',
    'src/store',
    'src/subscription',
    'src/trace',
  ],
  'routes/events': [
    'routes',
    'src/transfer',
    'src',
    'src/answer',
    'src/event',
    'src/projection',
    'src/store',
    'src/subscription',
    'src/lib',
  ],
  'routes/openapi': [
    'routes',
    'routes/events',
    'src',
    'src/decider',
    'src/dispatch',
    'src/event',
    'src/projection',
    'src/query',
    'src/store',
  ],
}

/** What is pure: no promise, clock, randomness or I/O. */
const PURE = ['src/event', 'src/decider', 'src/process', 'src/processor', 'src/projection', 'src/query']
const IMPURE = [
  /\basync\b/,
  /\bawait\b/,
  /\bnew Promise\b/,
  /\bDate\.now\b/,
  /\bnew Date\(\)/,
  /Math\.random/,
  /randomUUID/,
  /\bfetch\(/,
  /\bsetTimeout\b/,
  /'node:/,
  /Bun\.(file|write|sleep|serve)/,
]

/** What each subpath loads when it is imported, besides our own files and what comes with the runtime. */
const LOADS: Readonly<Record<string, readonly string[]>> = {
  'src/index.ts': ['lru-cache'],
  'src/sqlite/index.ts': [],
  'src/postgres/index.ts': ['postgres'],
  'src/redis/index.ts': [],
  'src/cdn/index.ts': [],
  'src/testing/index.ts': [],
  'src/kafka/index.ts': [],
  'src/nats/index.ts': [],
  'src/otel/index.ts': ['hono/route'],
  'src/webhooks/index.ts': [],
  'routes/index.ts': [
    '@hono/zod-validator',
    'hono',
    'hono/bearer-auth',
    'hono/body-limit',
    'hono/compress',
    'hono/etag',
    'hono/html',
    'hono/http-exception',
    'hono/router/reg-exp-router',
    'hono/router/smart-router',
    'hono/router/trie-router',
    'lru-cache',
    'zod',
  ],
}

/** The public names of each subpath, types in italics as `type name`. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'src/index.ts': [
    'PayloadError', 'StaleRead', 'StoreError', 'UnreadableEvent', 'after', 'at', 'cancel', 'decider', 'events', 'importMap', 'inbox', 'memory', 'memoryBus', 'processManager', 'processor', 'projection', 'query', 'reject',
    'runtime', 'saga', 'split', 'sqlProjection', 'type AnyDecider', 'type AnyProjection', 'type AppendOutcome', 'type AppendSlice', 'type Bus', 'type CachePolicy',
    'type CloudEvent', 'type Command', 'type Context', 'type Decider', 'type Duration', 'type Event', 'type Events', 'type Handling', 'type ImportMap', 'type Imported', 'type Inbox', 'type Meta', 'type MinPosition', 'type Outcome',
    'type Page', 'type Process', 'type Processor', 'type Projection', 'type Query', 'type Read', 'type Recorded', 'type Rejection', 'type Rows', 'type Runtime',
    'type RuntimeOptions', 'type SagaState', 'type SagaStep', 'type SendOptions', 'type Served', 'type SqlProjection', 'type StateAt', 'type Status', 'type Store', 'type StoredEvent',
    'type Taken', 'type Timer', 'type Trace', 'type TraceContext', 'type Writing', 'untraced', 'upcast',
  ],
  'src/sqlite/index.ts': ['migrateSqlite', 'sqlite', 'type SqliteOptions'],
  'src/postgres/index.ts': ['migratePostgres', 'postgres', 'type PostgresOptions'],
  'src/cdn/index.ts': [
    'batchPurges', 'cloudflarePurger', 'surrogatePurger', 'type BatchPurgesOptions', 'type CloudflareOptions', 'type PurgeQueue', 'type Purger',
    'type SurrogateOptions', 'type SurrogatePurger', 'type VarnishOptions', 'varnishPurger',
  ],
  'src/kafka/index.ts': ['kafkaRelay', 'type KafkaRelayOptions'],
  'src/nats/index.ts': ['natsRelay', 'type NatsRelayOptions'],
  'src/redis/index.ts': ['redisCache', 'type RedisCache', 'type RedisCacheOptions', 'type RedisStatus'],
  'src/webhooks/index.ts': ['standardWebhooks', 'type Verify', 'type WebhooksOptions', 'webhooks'],
  'src/otel/index.ts': ['telemetry', 'type Telemetry', 'type TelemetryOptions'],
  'src/testing/index.ts': [
    'checked', 'compareProcesses', 'compareWithLog', 'decisionsOf', 'gateText', 'sagaCases', 'storedOfLine', 'type AnyProcess', 'type Compared', 'type DecidedBy',
    'type DecidedStep', 'type Decision', 'type Difference', 'type Fault', 'type Led', 'type SagaCase', 'type SagaRun',
  ],
  'src/cli/index.ts': ['main', 'type ImportMaps', 'type MainOptions'],
  'routes/index.ts': ['app', 'handle', 'receive', 'type Actor', 'type App', 'type AppOptions', 'type CommandMaker', 'type Guard', 'type Telemetry'],
} // biome-ignore format: lists of names

type Source = { readonly path: string; readonly folder: string; readonly text: string }

function sources(): readonly Source[] {
  const paths = [...new Bun.Glob('{src,routes}/**/*.ts').scanSync(ROOT)].filter(
    path => !/(\.test|\.races|\.d)\.ts$|^src\/test(ing|-support)\/|contract\/|\/races\//.test(path),
  )
  return paths.map(path => ({
    path,
    folder: dirname(path),
    text: require('node:fs').readFileSync(join(ROOT, path), 'utf8') as string,
  }))
}

/** The modules that a source names, types included: direction holds for them too. */
function imported({ text }: Source): readonly string[] {
  return [
    ...text.matchAll(/^(?:import|export)\b[^'\n]*(?:\n[^'\n]*)*?from '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm),
  ].map(match => (match[1] ?? match[2] ?? match[3])!)
}

function folderOf(source: Source, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null
  return dirname(relative(ROOT, join(ROOT, source.folder, specifier)))
    .split(sep)
    .join('/')
}

function strangers(source: Source): readonly string[] {
  const allowed = new Set([source.folder, ...(MAY_IMPORT[source.folder] ?? [])])
  return imported(source)
    .map(specifier => folderOf(source, specifier))
    .filter(folder => folder !== null && !allowed.has(folder))
    .map(folder => `${source.path} imports ${folder}`)
}

async function loads(entry: string): Promise<readonly string[]> {
  const built = await Bun.build({
    entrypoints: [join(ROOT, entry)],
    target: 'bun',
    packages: 'external',
    splitting: true,
    minify: { whitespace: true },
  })
  const main = built.outputs.find(({ kind }) => kind === 'entry-point')!
  const texts = new Map(
    await Promise.all(built.outputs.map(async output => [output.path.replace(/^.*\//, ''), await output.text()] as const)),
  )
  const found = new Set<string>()
  const visit = (name: string) => {
    for (const { path, kind } of new Bun.Transpiler().scanImports(texts.get(name)!)) {
      if (kind !== 'import-statement') continue
      if (path.startsWith('./')) visit(path.slice(2))
      else found.add(path)
    }
  }
  visit(main.path.replace(/^.*\//, ''))
  return [...found].filter(path => !isBuiltin(path)).sort()
}

async function publicNames(index: string): Promise<readonly string[]> {
  const text = await Bun.file(join(ROOT, index)).text()
  const names = [...text.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, type, list]) =>
    list!.split(',').map(name => `${type ?? ''}${name.trim()}`),
  )
  const declared = [...text.matchAll(/^export (?:async )?(type|function|const|class|interface) (\w+)/gm)].map(([, kind, name]) =>
    kind === 'type' || kind === 'interface' ? `type ${name}` : name!,
  )
  return [...names, ...declared].filter(name => /\w$/.test(name)).sort()
}

describe('the layout', () => {
  test('has a row for each folder', () => {
    expect([...new Set(sources().map(({ folder }) => folder))].sort()).toEqual(Object.keys(MAY_IMPORT).sort())
  })

  test('lets a folder import only those of its row', () => {
    expect(sources().flatMap(strangers)).toEqual([])
  })

  test('finds an import that goes the wrong way', () => {
    const planted: Source = {
      path: 'src/event/x.ts',
      folder: 'src/event',
      text: "import type { Store } from '../store/store.ts'\n",
    }
    expect(strangers(planted)).toEqual(['src/event/x.ts imports src/store'])
  })

  test('keeps clocks, randomness, promises and I/O out of what is pure', () => {
    const found = sources()
      .filter(({ folder }) => PURE.includes(folder))
      .flatMap(({ path, text }) =>
        IMPURE.filter(pattern => pattern.test(text.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, ''))).map(
          pattern => `${path}: ${pattern}`,
        ),
      )
    expect(found).toEqual([])
  })

  for (const [entry, expected] of Object.entries(LOADS)) {
    test(`loads nothing for ${entry} but ${expected.join(', ') || 'itself'}`, async () => {
      expect(await loads(entry)).toEqual([...expected])
    })
  }

  for (const [index, expected] of Object.entries(NAMES)) {
    test(`shows the public names of ${index}`, async () => {
      expect(await publicNames(index)).toEqual([...expected].sort())
    })
  }
})
