// Payloads in which nothing changes: how many notes are made of them.
import { z } from 'zod'
import { type ShapeRow, shapeEvent, WINDOW_EVENTS } from '../../definitions/detector/shape.ts'
import { pathsOf } from '../../definitions/detector/shape-paths.ts'
import { random } from './random.ts'

const EVENTS = 5_000
const PATHS = pathsOf(
  z.object({
    cents: z.int(),
    by: z.enum(['card', 'cash', 'coin']),
    shop: z.string().optional(),
    rare: z.string().optional(),
    heavy: z.number(),
  }),
)

/** Each log has 5 000 events: a rare value, a rare field, a field that is often absent, and numbers with a long tail. */
export function noteNullShapes(logs: number): { readonly windows: number; readonly notes: number } {
  let notes = 0
  for (let seed = 1; seed <= logs; seed++) {
    const next = random(seed)
    let row: ShapeRow | null = null
    for (let position = 1; position <= EVENTS; position++) {
      const before: readonly unknown[] = row?.notes ?? []
      const event = { category: 'order', type: 'Placed', at: '2026-01-01T00:00:00Z', position, data: drawData(next) }
      row = shapeEvent(row, event, PATHS)
      notes += row.notes.filter(note => !before.includes(note)).length
    }
  }
  return { windows: (logs * EVENTS) / WINDOW_EVENTS, notes }
}

function drawData(next: () => number): object {
  const toss = next()
  return {
    cents: Math.round(Math.exp(6 + 2 * next())),
    by: toss < 0.7 ? 'card' : toss < 0.99 ? 'cash' : 'coin',
    ...(next() < 0.8 ? { shop: `s${Math.floor(next() * 3)}` } : {}),
    ...(next() < 0.01 ? { rare: 'r' } : {}),
    heavy: 1 / (1 - next()),
  }
}

if (import.meta.main) {
  const before = process.cpuUsage()
  const { windows, notes } = noteNullShapes(200)
  const { user } = process.cpuUsage(before)
  console.log(`${windows} windows: ${notes} notes, ${(user / windows / WINDOW_EVENTS).toFixed(1)} µs of CPU an event`)
}
