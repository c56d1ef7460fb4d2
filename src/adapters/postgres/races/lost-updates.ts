import type { StoredEvent } from '../../../ports/store/event.ts'

/** Each increment says to what it counted; one that was decided on an old state says what another said. */
export function lostUpdates(log: readonly StoredEvent[]): readonly string[] {
  return log.flatMap(({ data, stream, version }) => {
    if (!stream.startsWith('counter-')) return []
    const { to } = JSON.parse(data) as { to: number }
    return to === version ? [] : [`${stream}@${version} counts to ${to}`]
  })
}
