// The names of the whole, held as data: a further public name is a decision that shows here.
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, readSources, type Source } from './test-support/sources.ts'

/** The public names of each subpath, sorted, one a line, so that branches merge; a type is written `type Name`. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'src/index.ts': [
    'Notice',
    'PayloadError',
    'StaleRead',
    'StoreError',
    'UnreadableEvent',
    'after',
    'allow',
    'at',
    'cancel',
    'decider',
    'detector',
    'events',
    'every',
    'importMap',
    'inbox',
    'isId',
    'measure',
    'measureRows',
    'measureTime',
    'memory',
    'memoryBus',
    'processManager',
    'processor',
    'projection',
    'query',
    'reject',
    'runtime',
    'saga',
    'schedule',
    'split',
    'sqlProjection',
    'type Allowed',
    'type AnyDecider',
    'type AnyProjection',
    'type AppendOutcome',
    'type AppendSlice',
    'type Bus',
    'type CachePolicy',
    'type Caller',
    'type CloudEvent',
    'type Command',
    'type CommandAsk',
    'type Context',
    'type CustomMeta',
    'type Decider',
    'type Detector',
    'type Duration',
    'type Event',
    'type Events',
    'type FollowOptions',
    'type GivenCaller',
    'type Handling',
    'type ImportMap',
    'type Imported',
    'type Inbox',
    'type Measure',
    'type Meta',
    'type MinPosition',
    'type NoticeFields',
    'type Outcome',
    'type Page',
    'type Parked',
    'type Process',
    'type Processor',
    'type Projection',
    'type Query',
    'type QueryAsk',
    'type Read',
    'type Reads',
    'type Recorded',
    'type Recurrence',
    'type RecurringSchedule',
    'type Rejection',
    'type Report',
    'type RowAsk',
    'type Rows',
    'type Rule',
    'type Runtime',
    'type RuntimeOptions',
    'type SagaState',
    'type SagaStep',
    'type SendOptions',
    'type Served',
    'type SqlProjection',
    'type StateAsk',
    'type StateAt',
    'type Status',
    'type Store',
    'type StoredEvent',
    'type Taken',
    'type Timer',
    'type Trace',
    'type TraceContext',
    'type Verdict',
    'type Writing',
    'untraced',
    'upcast',
  ],
  'src/adapters/sqlite/index.ts': ['migrateSqlite', 'sqlite', 'type SqliteOptions'],
  'src/adapters/postgres/index.ts': ['migratePostgres', 'postgres', 'type PostgresOptions'],
  'src/adapters/cdn/index.ts': [
    'batchPurges',
    'cloudflarePurger',
    'surrogatePurger',
    'type BatchPurgesOptions',
    'type CloudflareOptions',
    'type PurgeQueue',
    'type Purger',
    'type SurrogateOptions',
    'type SurrogatePurger',
    'type VarnishOptions',
    'varnishPurger',
  ],
  'src/adapters/kafka/index.ts': ['kafkaRelay', 'type KafkaRelayOptions'],
  'src/adapters/nats/index.ts': ['natsRelay', 'type NatsRelayOptions'],
  'src/adapters/redis/index.ts': ['redisCache', 'type RedisCache', 'type RedisCacheOptions', 'type RedisStatus'],
  'src/adapters/webhooks/index.ts': ['standardWebhooks', 'type Verify', 'type WebhooksOptions', 'webhooks'],
  'src/adapters/otel/index.ts': ['telemetry', 'type Telemetry', 'type TelemetryOptions'],
  'src/testing/index.ts': [
    'CompareError',
    'PropertyFailed',
    'Spec',
    'SpecFailed',
    'accepted',
    'answers',
    'any',
    'cancels',
    'checkSagaRun',
    'compare',
    'compareProcesses',
    'compareWithLog',
    'decide',
    'decisionsOf',
    'due',
    'ends',
    'evolve',
    'failed',
    'fired',
    'forAll',
    'gateText',
    'given',
    'happened',
    'invalid',
    'load',
    'of',
    'refused',
    'rejected',
    'row',
    'sagaCases',
    'state',
    'storedOfLine',
    'type AnyOptions',
    'type AnyProcess',
    'type AnySpec',
    'type BenchFigure',
    'type CompareOptions',
    'type Compared',
    'type ComparedSide',
    'type Decided',
    'type DecidedBy',
    'type DecidedStep',
    'type Decision',
    'type Difference',
    'type Fault',
    'type ForAllOptions',
    'type Journey',
    'type Led',
    'type LoadOptions',
    'type LoadReport',
    'type LoadUser',
    'type Own',
    'type SagaCase',
    'type SagaRun',
    'type SpeedComparison',
    'type SpeedLook',
    'type SpeedVerdict',
    'type StepAnswer',
    'type StepReport',
    'verify',
    'wants',
  ],
  'src/cli/index.ts': ['main', 'type ImportMaps', 'type MainOptions'],
  'routes/index.ts': [
    'app',
    'handle',
    'limitBody',
    'receive',
    'type Actor',
    'type App',
    'type AppOptions',
    'type CommandMaker',
    'type Guard',
    'type Telemetry',
  ],
}

function publicNames(index: string): readonly string[] {
  const text = readFileSync(join(ROOT, index), 'utf8')
  const listed = [...text.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, type, list]) =>
    list!.split(',').map(name => `${type ?? ''}${name.trim()}`),
  )
  const declared = [...text.matchAll(/^export (?:async )?(type|function|const|class|interface) (\w+)/gm)].map(([, kind, name]) =>
    kind === 'type' || kind === 'interface' ? `type ${name}` : name!,
  )
  return [...listed, ...declared].filter(name => /\w$/.test(name)).sort()
}

/** Exported types that several files declare. */
function doubledTypes(sources: readonly Source[]): readonly string[] {
  const declared = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/^export (?:abstract )?(?:type|interface|class) (\w+)/gm)].map(([, name]) => ({ name: name!, path })),
  )
  return [...Map.groupBy(declared, ({ name }) => name)]
    .filter(([, places]) => new Set(places.map(({ path }) => path)).size > 1)
    .map(([name, places]) => `${name}: ${places.map(({ path }) => path).join(', ')}`)
}

/** Participles that do not end in -ed or -ing, of verbs that a codebase uses. One that is also its infinitive, as `read`, is none. */
const IRREGULAR =
  /^(begun|bound|broken|brought|built|caught|chosen|done|drawn|driven|fallen|fed|fit|forgotten|found|frozen|given|gone|grown|heard|held|hidden|kept|known|laid|left|lent|lost|made|meant|met|paid|ran|said|seen|sent|shown|shut|slept|spent|stolen|stood|sworn|taken|taught|thrown|told|torn|undone|unknown|unseen|won|worn|written)$/
/** Words that only look like one. */
const OTHERS = /^(embed|exceed|feed|need|proceed|seed|speed|bring|ring|sing|string|swing|thing)$/

/** Where examples are written as sentences: given, when, then. */
const SENTENCES = 'src/testing/specs/'

/** Exported functions that are named by a participle alone: neither a verb with its object nor a noun. */
function participles(sources: readonly Source[]): readonly string[] {
  return sources.flatMap(({ path, text }) => {
    if (path.startsWith(SENTENCES)) return []
    const functions = text.matchAll(
      /^export (?:default )?(?:async )?function\*? (\w+)|^export const (\w+)\b[^\n]*?=\s*(?:async )?(?:<[^>]*>)?(?:\([^)\n]*\)|\w+)(?::[^=\n]+)?\s*=>/gm,
    )
    return [...functions]
      .map(([, declared, assigned]) => (declared ?? assigned)!)
      .filter(name => (/^[a-z]+(ed|ing)$/.test(name) || IRREGULAR.test(name)) && !OTHERS.test(name))
      .map(name => `${path}: ${name}`)
  })
}

const buildSource = (text: string, path = 'src/x.ts'): Source => ({ path, text })

describe('a name', () => {
  for (const [index, expected] of Object.entries(NAMES)) {
    test(`a name is public in ${index} only where the table has it`, () => {
      expect(publicNames(index)).toEqual(expected)
    })
  }

  test('a name of an exported type is declared in one file', () => {
    expect(doubledTypes(readSources())).toEqual([])
  })

  test('a name of an exported type that two files declare is found', () => {
    const twice = [buildSource('export type Page = string\n', 'src/a.ts'), buildSource('export interface Page {}\n', 'src/b.ts')]
    expect(doubledTypes([...twice, buildSource('export type Other = Page\ntype Page = 1\n', 'src/c.ts')])).toEqual([
      'Page: src/a.ts, src/b.ts',
    ])
  })

  test('a name of an exported function is no bare participle', () => {
    expect(participles(readSources())).toEqual([])
  })

  test.each([
    ['export function landed(): void {}', 'landed'],
    ['export async function filling(): Promise<void> {}', 'filling'],
    ['export function* told(): Generator {}', 'told'],
    ['export const seen = (position: number): boolean => position > 0', 'seen'],
    ['export const held: (x: number) => void = x => {}', 'held'],
  ])('a name of an exported function that is a bare participle is found: %s', (text, name) => {
    expect(participles([buildSource(`${text}\n`)])).toEqual([`src/x.ts: ${name}`])
  })

  test.each([
    'export function feed(): void {}',
    'export function isSettled(): boolean {}',
    'function landed(): void {}',
    'export function readStored(): void {}',
    'export const closed = new Set()',
  ])('a name of another kind is let through: %s', text => {
    expect(participles([buildSource(`${text}\n`)])).toEqual([])
  })
})
