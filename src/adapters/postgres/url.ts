// Reads the URL of a database as libpq does. What cannot be had is refused by name, with what to write instead.
import { readFileSync } from 'node:fs'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import type { SessionSettings } from './session.ts'

/** The address of a database, with the names that postgres.js has for its parts. */
export type Address = {
  readonly host: string[]
  readonly port: number[]
  /** The file of a socket. */
  readonly path?: string
  readonly user?: string
  readonly pass?: string
  readonly database?: string
  readonly ssl: false | 'prefer' | Tls
  readonly sslnegotiation?: 'direct'
  readonly target_session_attrs?: 'read-write'
  readonly connectTimeoutMs?: number
  /** Start-up parameters that the URL asks for. */
  readonly session: SessionSettings
}

type Tls = {
  readonly rejectUnauthorized: boolean
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly passphrase?: string
  readonly checkServerIdentity?: (host: string, certificate: PeerCertificate) => Error | undefined
}

type Parameters = Readonly<Record<string, string | undefined>>

const PORT = 5432
const FORM = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^@/?#]*)(?:\/([^@?#]*))?(?:\?([^@#]*))?$/i
const HOST = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/

/** What to write instead of a parameter that cannot be had. Any other unknown one is to be removed. */
const INSTEAD: Readonly<Record<string, string>> = {
  hostaddr: 'write the address as the host',
  service: 'write what the service file says into the URL',
  passfile: 'set DB_PASSWORD_FILE, or write the password into the URL',
  schema: 'set DATABASE_SCHEMA',
  pgbouncer: 'remove it: a pooler is found out, or set DATABASE_POOLER=true',
  connection_limit: 'remove it: Emaki opens as many connections as it needs',
  sslcrl: 'remove it: there are no lists of revoked certificates',
  sslcompression: 'remove it: nothing is compressed',
  requirepeer: 'remove it: use a folder for the socket that only the server may write',
  load_balance_hosts: 'remove it: all connections lead to the primary',
}

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof SSL_MODES)[number]

/** What a parameter may say. Others have any value. */
const VALUES: Readonly<Record<string, readonly [RegExp, string]>> = {
  sslmode: [new RegExp(`^(${SSL_MODES.join('|')})$`), `one of ${SSL_MODES.join(', ')}`],
  ssl: [/^(true|false)$/, 'true or false; sslmode says more'],
  channel_binding: [/^(prefer|disable)$/, 'removed: it cannot be required, but sslmode=verify-full proves who the server is'],
  gssencmode: [/^(prefer|disable)$/, 'removed: GSSAPI is not spoken; write sslmode=verify-full'],
  sslnegotiation: [/^(postgres|direct)$/, 'postgres or direct'],
  target_session_attrs: [/^(any|read-write|primary)$/, 'read-write: Emaki writes'],
  connect_timeout: [/^\d{1,4}$/, 'a number of seconds'],
  port: [/^\d{1,5}(,\d{1,5})*$/, 'a number'],
  keepalives: [/^1$/, 'removed: it is always on'],
}
const KNOWN: ReadonlySet<string> = new Set([
  ...Object.keys(VALUES),
  ...['host', 'user', 'password', 'dbname', 'application_name', 'fallback_application_name', 'options'],
  ...['sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslsni'],
])

/** A URL that cannot be used. The message names the part, and never shows a password. */
export class UrlError extends TypeError {
  override readonly name = 'UrlError'
}

/** Reads a URL. Throws a UrlError that says what to write instead. */
export function addressOf(url: string): Address {
  const [, login = '', hosts = '', path = '', query = ''] = FORM.exec(url) ?? refuse(FORM_EXPECTED)
  const parameters = parametersOf(query)
  const [user, ...password] = login.split(':')
  const places = placesOf(parameters, hosts)
  const socket = places.length === 1 && places[0]!.host.startsWith('/') ? places[0]! : null
  const named = {
    user: parameters['user'] ?? decode('the user', user!),
    pass: parameters['password'] ?? decode('the password', password.join(':')),
    database: parameters['dbname'] ?? decode('the database', path),
    path: socket ? `${socket.host}/.s.PGSQL.${socket.port}` : '',
  }
  return {
    host: places.map(({ host }) => host),
    port: places.map(({ port }) => port),
    ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== '')),
    ssl: socket ? false : tlsOf(parameters, places.length === 1 ? places[0]!.host : null),
    ...(parameters['sslnegotiation'] === 'direct' && { sslnegotiation: 'direct' }),
    // Each connection has to lead to the one server that takes writes.
    ...(places.length > 1 && { target_session_attrs: 'read-write' }),
    ...(Number(parameters['connect_timeout']) > 0 && { connectTimeoutMs: Number(parameters['connect_timeout']) * 1_000 }),
    session: sessionOf(parameters),
  }
}
const FORM_EXPECTED =
  'expected postgres://user:password@host:5432/database; in a name or a password, write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25'

/** What is wrong with a URL; null: nothing. */
export function urlProblem(url: string): string | null {
  try {
    addressOf(url)
    return null
  } catch (error) {
    if (error instanceof UrlError) return error.message
    throw error
  }
}

function refuse(message: string): never {
  throw new UrlError(message)
}

function decode(what: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse(`${what} has a % that encodes nothing: write % as %25`)
  }
}

function parametersOf(query: string): Parameters {
  const pairs = query.split('&').filter(pair => pair !== '')
  const found = pairs.map(pair => {
    const [name = '', ...value] = pair.split('=')
    return [decode('the name of a parameter', name), decode(`the parameter ${name}`, value.join('='))] as const
  })
  for (const [name, value] of found) checkParameter(name, value)
  return Object.fromEntries(found)
}

function checkParameter(name: string, value: string): void {
  if (!KNOWN.has(name)) refuse(`the parameter ${name} cannot be used: ${INSTEAD[name] ?? 'remove it'}`)
  const [form, expected] = VALUES[name] ?? [/^/, '']
  if (!form.test(value)) refuse(`the parameter ${name} has to be ${expected}`)
}

type Place = { readonly host: string; readonly port: number }

function placesOf(parameters: Parameters, authority: string): readonly Place[] {
  const hosts = parameters['host'] === undefined ? authority.split(',').map(placeOf) : parameters['host'].split(',').map(bareHost)
  const ports = parameters['port']?.split(',').map(Number) ?? []
  const places = hosts.map(({ host, port }, i) => ({ host: host || 'localhost', port: port ?? ports[i] ?? ports[0] ?? PORT }))
  if (places.length > 1 && places.some(({ host }) => host.startsWith('/'))) refuse('a socket cannot be one of several hosts')
  if (places.some(({ port }) => port < 1 || port > 65_535)) refuse('a port has to be from 1 to 65535')
  return places
}

/** A host of the URL itself: a name, an address in brackets, or the encoded folder of a socket. */
function placeOf(text: string): { readonly host: string; readonly port: number | undefined } {
  const found = HOST.exec(text) ?? refuse('a host has to be a name or an address; an IPv6 address stands in brackets: [::1]')
  const host = decode('the host', found[1] ?? found[2] ?? '')
  return { host, port: found[3] === undefined ? undefined : Number(found[3]) }
}

function bareHost(host: string): { readonly host: string; readonly port: undefined } {
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: undefined }
}

function tlsOf(parameters: Parameters, host: string | null): Address['ssl'] {
  const { ssl, sslrootcert } = parameters
  const mode = parameters['sslmode'] ?? (ssl === 'true' || sslrootcert !== undefined ? 'verify-full' : 'disable')
  if (mode === 'disable') return false
  if (mode === 'allow' || mode === 'prefer') return 'prefer'
  // As libpq does: whoever names a root wants it checked.
  const isChecked = mode !== 'require' || (sslrootcert !== undefined && sslrootcert !== 'system')
  const isNamed = mode === 'verify-full' || sslrootcert === 'system'
  return {
    rejectUnauthorized: isChecked || isNamed,
    ...(sslrootcert !== undefined && sslrootcert !== 'system' && { ca: fileOf('sslrootcert', sslrootcert) }),
    ...(parameters['sslcert'] !== undefined && { cert: fileOf('sslcert', parameters['sslcert']) }),
    ...(parameters['sslkey'] !== undefined && { key: fileOf('sslkey', parameters['sslkey']) }),
    ...(parameters['sslpassword'] !== undefined && { passphrase: parameters['sslpassword'] }),
    checkServerIdentity: (name, certificate) => (isNamed ? checkServerIdentity(host ?? name, certificate) : undefined),
  }
}

function fileOf(parameter: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return refuse(`the parameter ${parameter} names a file that cannot be read: ${path}`)
  }
}

function sessionOf(parameters: Parameters): SessionSettings {
  const name = parameters['application_name'] ?? parameters['fallback_application_name']
  const { options } = parameters
  return { ...(name !== undefined && { application_name: name }), ...(options !== undefined && { options }) }
}
