// What sessions of ours call themselves, so that somebody who looks at the database knows which process has which.
import { hostname } from 'node:os'

/** The use that a connection is made for. */
export type Role =
  | 'writer'
  | 'reader'
  | 'projector'
  | 'transactions'
  | 'announcer'
  | 'listener'
  | 'turns'
  | 'waits'
  | 'start'
  | 'import'
  | 'tool'

/** The longest name that PostgreSQL keeps, in bytes. */
const NAME_BYTES_MAX = 63

/** `emaki web-7d9f:1 writer`: the host and the process. A host that is too long for it is cut. */
export function applicationName(
  role: Role,
  { host = hostname(), pid = process.pid }: { readonly host?: string; readonly pid?: number } = {},
): string {
  const end = `:${pid} ${role}`
  // PostgreSQL replaces what is not ASCII by as many question marks as it has bytes.
  const room = NAME_BYTES_MAX - 'emaki '.length - end.length
  return `emaki ${host.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, room)}${end}`
}
