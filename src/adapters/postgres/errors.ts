import { PageRefused, RunFailure } from '../../ports/read-model/page-refused.ts'
import { StoreError } from '../../ports/store/errors.ts'

/** Codes of postgres.js for a statement that was never sent. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CONNECT_TIMEOUT',
  'FailedToOpenSocket',
])
/**
 * SQLSTATEs after which the same statement may work later: lock not available, cancelled, read-only, lack of a
 * resource, starting, stopping.
 */
const LATER = /^(55P03|57014|25006|53|57P03|40|08|58)/
/** SQLSTATEs of values that cannot be stored: bad data, a broken constraint, a limit of the server. */
const VALUES = /^(22|23|54)/
/** SQLSTATEs of what an administrator mends: rights, a role, a database or a schema that is missing. */
const MENDED = /^(28|3D000|3F000|42501|42P01|42883)/
/** SQLSTATEs of a server that ends and may be committing. */
const ENDING = /^57P0[124]/

/**
 * Converts an error of postgres.js to a StoreError. `sent`: the reason if the connection was lost after the statement
 * was sent.
 */
export function storeError(error: unknown, sent: 'unknown' | 'unavailable'): StoreError {
  if (error instanceof StoreError) return error
  const { code = '', message = String(error) } = error as { code?: string; message?: string }
  const reason = reasonOf(code, sent)
  return new StoreError(reason, `PostgreSQL: ${message}${code ? ` (${code})` : ''}`, { cause: error, shown: shownOf(code) })
}

/** Whether the error may have ended the connection. A server that answers ERROR has only ended the statement. */
export function isLost(error: unknown): boolean {
  return !(error instanceof StoreError) && (error as { severity?: string }).severity !== 'ERROR'
}

/** Divides the errors of a page into those of the store, which may pass, and those of the page, which never do. */
export function pageError(error: unknown): unknown {
  if (error instanceof RunFailure) return runError(error.cause)
  if (!(error instanceof StoreError) || error.reason !== 'refused') return error
  const { code = '' } = (error.cause ?? {}) as { code?: string }
  return VALUES.test(code) ? new PageRefused(error.message, { cause: error }) : error
}

/** An error of a page's own statements is the page's, unless the database could not run them for now. */
function runError(cause: unknown): Error {
  if (cause instanceof StoreError) return cause
  const { name, code = '' } = (cause ?? {}) as { name?: string; code?: string }
  const isOfDatabase = name === 'PostgresError' || code.startsWith('CONNECT')
  const error = isOfDatabase ? storeError(cause, 'unavailable') : null
  // A table or a function that the page's own statements name is the page's matter.
  if (error && error.reason !== 'refused' && !code.startsWith('42')) return error
  return new PageRefused('what the page runs has failed', { cause })
}

function reasonOf(code: string, sent: 'unknown' | 'unavailable'): StoreError['reason'] {
  if (code === '53100') return 'full'
  if (NEVER_SENT.has(code)) return 'unavailable'
  if (ENDING.test(code)) return sent
  if (/^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E'))
    return LATER.test(code) || MENDED.test(code) ? 'unavailable' : 'refused'
  return sent
}

/** What anybody may see of an error, by the beginning of its code. */
const SHOWN: readonly (readonly [string, string])[] = [
  ['25006', 'the database is read-only'],
  ['53100', 'the disk of the database is full'],
  ['53300', 'the database takes no more connections'],
  ['55P03', 'another session holds the lock of the log'],
  ['57P03', 'the database is starting or stopping'],
  ['28', 'the database refuses the login'],
  ['3D000', 'the database does not exist'],
  ['3F000', 'the schema of the log does not exist'],
  ['42P01', 'a table of the log does not exist'],
  ['42883', 'a function of the log does not exist'],
  ['42501', 'the role of the app lacks rights'],
]

function shownOf(code: string): string | undefined {
  if (NEVER_SENT.has(code)) return 'the database cannot be reached'
  return SHOWN.find(([begin]) => code.startsWith(begin))?.[1]
}
