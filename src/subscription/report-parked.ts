import { verbCommand } from '../lib/verb-command.ts'
import type { Parked } from '../ports/read-model/parked.ts'
import type { NewPage } from '../ports/read-model/progress.ts'
import { Notice, type Report } from '../ports/report/notice.ts'

/** How many parked places of one page are reported one by one. */
const NOTICES_MAX = 10

/** Reports what a page parked: a warning for each key and stream, up to a bound, and then for the rest. */
export function reportParked(
  report: Report,
  { name, ...page }: Pick<NewPage, 'name' | 'park'>,
  errorOf: (parked: NewPage['park'][number]) => unknown,
): void {
  // What its owner tries again is reported as an episode.
  const park = page.park.filter(({ retrySince }) => retrySince === undefined)
  for (const one of park.slice(0, NOTICES_MAX)) report(parkedNotice(name, one, errorOf(one)))
  const rest = park.length - NOTICES_MAX
  if (rest > 0) {
    const message = `${name} parked ${rest} more. \`${verbCommand('parked', name)}\` shows them.`
    report(new Notice({ level: 'warn', code: 'keys-parked', message, fields: { subscription: name, parked: rest } }))
  }
}

/** Reports that somebody's request to handle a key or a stream again was taken. */
export function reportUnparked(report: Report, name: string, places: readonly Pick<Parked, 'kind' | 'key'>[]): void {
  const message = `${name} handles ${places.length === 1 ? placeOf(places[0]!) : `${places.length} keys and streams`} again.`
  report(new Notice({ level: 'info', code: 'key-unparked', message, fields: { subscription: name, unparked: places.length } }))
}

/** Reports what was parked before this process took a subscription over. */
export function reportStillParked(report: Report, name: string, parked: number): void {
  const message = `${name} goes on without ${parked} parked keys and streams. \`${verbCommand('parked', name)}\` shows them.`
  report(new Notice({ level: 'warn', code: 'still-parked', message, fields: { subscription: name, parked } }))
}

function parkedNotice(subscription: string, parked: NewPage['park'][number], error: unknown): Notice {
  const { kind, key, position, cause } = parked
  const message =
    `${subscription} parked ${placeOf(parked)} at position ${position}: ${cause}. ` +
    `When the cause is mended, \`${verbCommand('unpark', subscription, key)}\` handles it again, ` +
    `and \`${verbCommand('skip', subscription, key)}\` passes over the event.`
  const fields = { subscription, kind, key, position, reason: cause }
  return new Notice({ level: 'warn', code: 'key-parked', message, fields, ...(error instanceof Error && { cause: error }) })
}

function placeOf({ kind, key }: Pick<NewPage['park'][number], 'kind' | 'key'>): string {
  return `the ${kind} ${JSON.stringify(key)}`
}
