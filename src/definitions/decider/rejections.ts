import { isCode } from './reject.ts'

/** The statuses that a rejection may have over HTTP. */
const STATUSES = [403, 404, 409, 422] as const
export type RejectionStatus = (typeof STATUSES)[number]

/** How HTTP answers a rejection. */
export type RejectionAnswer = { readonly status: RejectionStatus; readonly title?: string }

/** For some codes a status, a title or both. Without a status it is 422. */
export type RejectionTable = Readonly<Record<string, RejectionStatus | Partial<RejectionAnswer>>>

const TITLE_LENGTH_MAX = 200

/** Checks the table of a decider. JavaScript callers get the check that TypeScript makes. */
export function compileRejections(decider: string, table: RejectionTable): ReadonlyMap<string, RejectionAnswer> {
  return new Map(
    Object.entries(table).map(([code, given]) => [code, compileAnswer(`${decider}: rejections: ${code}`, code, given)]),
  )
}

function compileAnswer(where: string, code: string, given: RejectionTable[string]): RejectionAnswer {
  const { status = 422, title } = typeof given === 'number' ? { status: given } : given
  if (!isCode(code)) throw new TypeError(`${where} is no code, which is in kebab-case`)
  if (!STATUSES.includes(status)) throw new TypeError(`${where} has the status ${status}; there are ${STATUSES.join(', ')}`)
  if (title === undefined) return { status }
  if (typeof title !== 'string' || title === '' || title.length > TITLE_LENGTH_MAX)
    throw new TypeError(`${where}: a title is a text of 1 to ${TITLE_LENGTH_MAX} characters`)
  return { status, title }
}
