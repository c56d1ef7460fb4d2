// What the cases of a bus are built of.
import type { StoredEvent } from '../../store/event.ts'
import type { Bus, Page } from '../bus.ts'

/** What a listener hears. */
export function listenTo(bus: Bus): { readonly positions: number[]; readonly end: () => void } {
  const positions: number[] = []
  const end = bus.listen(page => positions.push(...page.map(({ position }) => position)))
  return { positions, end }
}

export function page(...positions: readonly number[]): Page {
  return positions.map(
    (position): StoredEvent => ({
      id: Bun.randomUUIDv7(),
      type: 'Done',
      schema: '',
      data: '{}',
      meta: '{}',
      stream: 'test-1',
      version: position,
      position,
      at: '2026-01-01T00:00:00.000Z',
    }),
  )
}

export function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
