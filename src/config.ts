// The environment, read once, by one schema. A bad value is an answer: one table, and exit 78.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { SSL_MODES, type SslMode, urlProblem } from './adapters/postgres/url.ts'
import type { Cache } from './ports/cache/cache.ts'
import type { Store } from './ports/store/store.ts'
import type { Report } from './ports/report/notice.ts'
import { DEFAULT_LEVELS, LEVELS_EXPECTED, type Levels, parseLevels } from './ports/report/levels.ts'
import { type PrintOptions, printReports } from './ports/report/print.ts'

const wholeNumber = (max: number) =>
  z
    .string()
    .regex(/^[0-9]{1,15}$/, `expected a whole number from 0 to ${max}`)
    .transform(Number)
    .pipe(z.number().max(max))
const port = wholeNumber(65_535)
const host = z
  .string()
  .refine(
    text => text.startsWith('/') || (/^[\w.:[\]-]+$/.test(text) && URL.canParse(`postgres://${bracketAddress(text)}`)),
    'expected the name or the address of a host, or the folder of a socket',
  )
const flag = z.enum(['true', 'false', '1', '0']).transform(text => text === 'true' || text === '1')
const url = (...schemes: string[]) =>
  z
    .string()
    .refine(
      text => URL.canParse(text) && schemes.some(scheme => text.toLowerCase().startsWith(`${scheme}//`)),
      `expected a URL that begins with ${schemes.map(scheme => `${scheme}//`).join(' or ')}`,
    )
const postgresUrl = z.string().superRefine((text, context) => {
  const message = urlProblem(text)
  if (message !== null) context.addIssue({ code: 'custom', message })
})

const schema = z.object({
  PORT: port.default(3000),
  HOST: z.string().min(1).default('0.0.0.0'),
  NODE_ENV: z.string().default('development'),
  SQLITE_FILE: z.string().min(1).default('data/emaki.db'),
  DATABASE_URL: postgresUrl.optional(),
  DATABASE_DIRECT_URL: postgresUrl.optional(),
  DATABASE_POOLER: flag.optional(),
  DATABASE_SCHEMA: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,47}$/, 'expected letters, digits and _')
    .default('emaki'),
  DB_HOST: host.optional(),
  DB_PORT: port.default(5432),
  DB_NAME: z.string().min(1).default('postgres'),
  DB_USER: z.string().min(1).default('postgres'),
  DB_PASSWORD: z.string().optional(),
  DB_SSLMODE: z.enum(SSL_MODES).optional(),
  DB_SSLROOTCERT: z.string().optional(),
  DB_SSLCERT: z.string().optional(),
  DB_SSLKEY: z.string().optional(),
  REDIS_URL: url('redis:', 'rediss:').optional(),
  ADMIN_TOKEN: z
    .string()
    .min(16, 'expected at least 16 characters')
    .regex(/^[A-Za-z0-9._~+/-]+=*$/, 'expected a bearer: letters, digits and - . _ ~ + / without spaces, and = only at its end')
    .optional(),
  LOG_LEVEL: z
    .string()
    .refine(text => parseLevels(text) !== null, LEVELS_EXPECTED)
    .default('info'),
  LOG_FORMAT: z.enum(['json', 'text']).optional(),
  MIGRATE: flag.default(true),
  LEASE_MS: wholeNumber(600_000).default(5_000),
  SERVE_UNREADABLE_EVENTS: flag.default(false),
  REFUSALS: flag.default(true),
  /** How long to go on serving after a stop signal, in ms: Kubernetes goes on sending requests for a while. */
  SHUTDOWN_DELAY_MS: wholeNumber(60_000).optional(),
  /** How long handlers of events may take to end, in ms. Then their leases are given up. */
  SHUTDOWN_GRACE_MS: wholeNumber(600_000).default(8_000),
  METRICS_PUBLIC: flag.default(false),
  METRICS_PORT: port.optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http:', 'https:').optional(),
  OTEL_SERVICE_NAME: z.string().min(1).optional(),
})

/** Variables whose values are never shown. Of a URL only the password is hidden. */
const SECRETS: ReadonlySet<string> = new Set(['DB_PASSWORD', 'ADMIN_TOKEN'])

/** The settings, by the name of the variable that sets them. */
export type Config = {
  readonly PORT: number
  readonly HOST: string
  readonly NODE_ENV: string
  readonly SQLITE_FILE: string
  readonly DATABASE_URL?: string | undefined
  readonly DATABASE_DIRECT_URL?: string | undefined
  readonly DATABASE_POOLER?: boolean | undefined
  readonly DATABASE_SCHEMA: string
  readonly DB_HOST?: string | undefined
  readonly DB_PORT: number
  readonly DB_NAME: string
  readonly DB_USER: string
  readonly DB_PASSWORD?: string | undefined
  readonly DB_SSLMODE?: SslMode | undefined
  readonly DB_SSLROOTCERT?: string | undefined
  readonly DB_SSLCERT?: string | undefined
  readonly DB_SSLKEY?: string | undefined
  readonly REDIS_URL?: string | undefined
  readonly ADMIN_TOKEN?: string | undefined
  readonly LOG_LEVEL: string
  readonly LOG_FORMAT?: 'json' | 'text' | undefined
  readonly MIGRATE: boolean
  readonly LEASE_MS: number
  readonly SERVE_UNREADABLE_EVENTS: boolean
  readonly REFUSALS: boolean
  readonly SHUTDOWN_DELAY_MS: number
  readonly SHUTDOWN_GRACE_MS: number
  readonly METRICS_PUBLIC: boolean
  readonly METRICS_PORT?: number | undefined
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined
  readonly OTEL_SERVICE_NAME?: string | undefined
}

/** A configuration that cannot be used. `message` is a table for the person who set it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * Reads the configuration from an environment. `NAME_FILE` names a file that holds the value of `NAME`.
 * With DB_HOST and without DATABASE_URL, the URL is made of the other settings that begin with DB_.
 * Throws a ConfigError that lists every value that does not fit.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const wrong: [string, string, string][] = []
  const values = Object.fromEntries(
    Object.keys(schema.shape).flatMap(name => {
      const value = environment[name] || readValueFile(environment, name, wrong)
      return value ? [[name, value]] : []
    }),
  )
  const parsed = schema.safeParse(values)
  wrong.push(...unusedTls(environment))
  for (const { path, message } of parsed.error?.issues ?? [])
    wrong.push([String(path[0]), maskSecret(String(path[0]), values[String(path[0])] ?? ''), message])
  wrong.push(...exampleSecrets(values))
  if (!parsed.success || wrong.length) throw new ConfigError(tableText(wrong))
  const config = {
    ...parsed.data,
    SHUTDOWN_DELAY_MS: parsed.data.SHUTDOWN_DELAY_MS ?? (environment['KUBERNETES_SERVICE_HOST'] ? 5_000 : 0),
  }
  if (config.DATABASE_URL !== undefined || config.DB_HOST === undefined) return config
  const DATABASE_URL = urlOf(config)
  const problem = urlProblem(DATABASE_URL)
  if (problem !== null) throw new ConfigError(tableText([['DB_*', maskSecret('DATABASE_URL', DATABASE_URL), problem]]))
  return { ...config, DATABASE_URL }
}

/** The configuration as lines of `NAME=value`, with masked secrets. */
export function printConfig(config: Config): string {
  return Object.keys(schema.shape)
    .filter(name => config[name as keyof Config] !== undefined)
    .map(name => `${name}=${maskSecret(name, String(config[name as keyof Config]))}`)
    .join('\n')
}

/** Which records are printed. */
export function levelsOf({ LOG_LEVEL }: Config): Levels {
  return parseLevels(LOG_LEVEL) ?? DEFAULT_LEVELS
}

/** How records are printed: which, in what form, and with which texts hidden. */
export function printingOf(config: Config): PrintOptions {
  const levels = levelsOf(config)
  return { levels: () => levels, format: config.LOG_FORMAT, secrets: secretsOf(config) }
}

/** The values that no record may show. Of a URL it is the password, as it stands there and decoded. */
function secretsOf({ ADMIN_TOKEN, DB_PASSWORD, DATABASE_URL, DATABASE_DIRECT_URL, REDIS_URL }: Config): readonly string[] {
  const urls = [DATABASE_URL, DATABASE_DIRECT_URL, REDIS_URL].filter(url => url !== undefined)
  const passwords = urls.flatMap(url => (URL.canParse(url) ? [new URL(url).password] : []))
  const decoded = passwords.map(password => new URLSearchParams(`password=${password.replaceAll('+', '%2B')}`).get('password')!)
  return [ADMIN_TOKEN, DB_PASSWORD, ...passwords, ...decoded].flatMap(secret => (secret ? [secret] : []))
}

/** Makes the store that the configuration names. Loads only the adapter that it needs. */
export async function storeOf(config: Config, options: { readonly exclusive?: boolean } = {}): Promise<Store> {
  const migrate = config.MIGRATE
  if (config.DATABASE_URL === undefined) {
    const { sqlite } = await import('./adapters/sqlite/index.ts')
    return sqlite(config.SQLITE_FILE, { migrate, ...options })
  }
  const { postgres } = await import('./adapters/postgres/index.ts')
  const { DATABASE_URL, DATABASE_DIRECT_URL, DATABASE_SCHEMA, DATABASE_POOLER } = config
  return postgres(DATABASE_URL, {
    migrate,
    schema: DATABASE_SCHEMA,
    ...(DATABASE_POOLER !== undefined && { pooler: DATABASE_POOLER }),
    ...(DATABASE_DIRECT_URL !== undefined && { directUrl: DATABASE_DIRECT_URL }),
  })
}

/**
 * Gives a function that makes the cache of the configuration and loads its adapter on demand. None without REDIS_URL.
 */
export function cacheOf({ REDIS_URL }: Config, report: Report = printReports()): ((prefix: string) => Promise<Cache>) | null {
  if (REDIS_URL === undefined) return null
  return async prefix => {
    const { redisCache } = await import('./adapters/redis/index.ts')
    return redisCache({ url: REDIS_URL, prefix, report })
  }
}

function readValueFile(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
  wrong: [string, string, string][],
): string | undefined {
  const file = environment[`${name}_FILE`]
  // SQLITE_FILE is a setting of its own. It does not name a file that holds SQLITE.
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8').trimEnd()
  } catch {
    wrong.push([`${name}_FILE`, file, 'the file cannot be read'])
    return undefined
  }
}

/** Values as our examples have them, which everybody knows. */
function exampleSecrets(values: Readonly<Record<string, string>>): readonly [string, string, string][] {
  return ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'DB_PASSWORD', 'REDIS_URL', 'ADMIN_TOKEN']
    .filter(name => /change[-_ ]?me/i.test(values[name] ?? ''))
    .map(name => [name, maskSecret(name, values[name]!), 'expected a secret of your own, and not the one of an example'])
}

/** Settings of TLS that would not be used: of another name, or beside a DATABASE_URL, which has its own. */
function unusedTls(environment: Readonly<Record<string, string | undefined>>): readonly [string, string, string][] {
  const names = Object.keys(environment).filter(name => name.startsWith('DB_SSL') && environment[name])
  return names.flatMap((name): [string, string, string][] => {
    const isKnown = Object.hasOwn(schema.shape, name.replace(/_FILE$/, ''))
    if (isKnown && !environment['DATABASE_URL'] && !environment['DATABASE_URL_FILE']) return []
    return [
      [name, '***', isKnown ? 'expected sslmode and the others in DATABASE_URL' : `expected one of ${TLS_NAMES.join(', ')}`],
    ]
  })
}
const TLS_NAMES = ['DB_SSLMODE', 'DB_SSLROOTCERT', 'DB_SSLCERT', 'DB_SSLKEY'] as const

function urlOf(config: Config): string {
  const { DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD } = config
  const isSocket = DB_HOST!.startsWith('/')
  const password = DB_PASSWORD ? `:${encodeURIComponent(DB_PASSWORD)}` : ''
  const place = isSocket ? '' : `${bracketAddress(DB_HOST!)}:${DB_PORT}`
  const tls = TLS_NAMES.flatMap(name => (config[name] ? [[name.slice(3).toLowerCase(), config[name]] as const] : []))
  const all = [
    ...(isSocket
      ? ([
          ['host', DB_HOST!],
          ['port', String(DB_PORT)],
        ] as const)
      : []),
    ...tls,
  ]
  const query = all.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
  return `postgres://${encodeURIComponent(DB_USER)}${password}@${place}/${encodeURIComponent(DB_NAME)}${query && `?${query}`}`
}

/** A host as a URL has it: an IPv6 address stands in brackets. */
function bracketAddress(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

/** Masks rather too much than too little: the value may be no URL at all, and a password may hold any character. */
function maskSecret(name: string, value: string): string {
  if (SECRETS.has(name)) return '***'
  return value.replace(/:(?!\/\/).*@/s, ':***@').replaceAll(/((?:password|pwd|token|secret|key)=)[^&,;\s]*/gi, '$1***')
}

function tableText(rows: readonly (readonly [string, string, string])[]): string {
  const all = [['NAME', 'FOUND', 'EXPECTED'] as const, ...rows]
  const width = (column: 0 | 1) => Math.max(...all.map(row => row[column].length))
  return [
    'The configuration cannot be used:',
    ...all.map(([name, found, expected]) => `  ${name.padEnd(width(0))}  ${found.padEnd(width(1))}  ${expected}`),
  ].join('\n')
}
