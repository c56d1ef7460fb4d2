// What a verb says of a name of which it found nothing, and which the app does not know.
import { definitionOf, runningOf, type Served } from '../definitions/definition.ts'
import type { EventsSpec } from '../definitions/event/events.ts'
import { describeNames } from '../definitions/nearest-name.ts'
import { plain } from '../lib/paint.ts'

/** What is named. */
export type Named = 'category' | 'event' | 'command'

/** The names that the app knows. */
const KNOWN: Readonly<Record<Named, (serve: readonly Served[]) => readonly string[]>> = {
  category: serve => [...familiesIn(serve).keys()],
  event: serve => [...familiesIn(serve)].flatMap(([category, { types }]) => [...types.keys()].map(type => `${category}.${type}`)),
  command: serve =>
    serve
      .map(definitionOf)
      .flatMap(one => (one.kind === 'decider' ? [...one.commands.keys()].map(name => `${one.name}.${name}`) : [])),
}

/**
 * Says on standard error that the app knows no such name, and which is the nearest. It says nothing of a name that the
 * app knows. The log may have events of others, so a name that is not known is no wrong use.
 */
export function hintUnknown(serve: readonly Served[], what: Named, name: string): void {
  const names = KNOWN[what](serve)
  const isKnown = names.includes(name) || (what === 'event' && !name.includes('.') && names.some(one => one.endsWith(`.${name}`)))
  if (!isKnown) console.error(`the app has no ${what} ${plain(name)}; ${describeNames(name, names)}`)
}

function familiesIn(serve: readonly Served[]): ReadonlyMap<string, EventsSpec> {
  const families = serve.map(runningOf).flatMap(one => {
    if ('events' in one) return [one.events]
    return 'families' in one ? [...one.families.values()] : []
  })
  return new Map(families.map(family => [family.name, family]))
}
