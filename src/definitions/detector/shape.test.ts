import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { random } from '../../test-support/detector/random.ts'
import { rankNotes, type ShapeNote, type ShapeRow, shapeEvent, WINDOW_EVENTS } from './shape.ts'
import { pathsOf } from './shape-paths.ts'

const LEARNED = 12 * WINDOW_EVENTS
const SHAPES = pathsOf(
  z.object({
    cents: z.int().optional(),
    by: z.enum(['card', 'cash', 'coin']),
    shop: z.string().optional(),
    pin: z.string().meta({ secret: true }).optional(),
  }),
)

type Data = Readonly<Record<string, unknown>>

/** Payloads whose numbers, choices and gaps vary by chance. */
function usual(events: number, seed = 5): readonly Data[] {
  const next = random(seed)
  return Array.from({ length: events }, () => ({
    cents: Math.round(Math.exp(6 + 2 * next())),
    by: next() < 0.7 ? 'card' : 'cash',
    ...(next() < 0.8 ? { shop: `s${Math.floor(next() * 3)}` } : {}),
    pin: `${Math.floor(next() * 3)}`,
  }))
}

function fold(all: readonly Data[], row: ShapeRow | null = null, from = 0, shapes = SHAPES): ShapeRow {
  return all.reduce<ShapeRow | null>((before, data, i) => {
    const [position, at] = [from + i + 1, new Date((from + i) * 60_000).toISOString()]
    return shapeEvent(before, { category: 'order', type: 'Placed', data, position, at }, shapes)
  }, row)!
}

const KNOWN = fold(usual(LEARNED))
const noteAfter = (change: (data: Data) => Data, events = WINDOW_EVENTS): readonly ShapeNote[] =>
  fold(usual(events, 8).map(change), KNOWN, LEARNED).notes

describe('notes on payloads', () => {
  test('payloads that vary as they always did give no note, in 30 seeded logs of 2 000 events one at most', () => {
    const noted = Array.from({ length: 30 }, (_, seed) => fold(usual(2_000, seed)).notes.length)
    expect(noted.filter(notes => notes > 0).length).toBeLessThanOrEqual(1)
  })

  test.each<[string, string, (data: Data) => Data, object]>([
    ['is dropped', 'shop', ({ shop: _, ...data }) => data, { change: 'presence', seen: 0 }],
    [
      'is 100 times as much',
      'cents',
      data => ({ ...data, cents: Number(data['cents']) * 100 }),
      { change: 'numbers', effect: 1 },
    ],
    ['has another unit', 'cents', data => ({ ...data, cents: Number(data['cents']) / 100 }), { change: 'numbers', effect: 1 }],
    ['has a new value of its list', 'by', data => ({ ...data, by: 'coin' }), { change: 'values', values: ['coin'], seen: 1 }],
    ['has a new text', 'shop', data => ({ ...data, shop: 's9' }), { change: 'values', values: [], seen: 1 }],
  ])('a field that %s is noted at the end of the window, alone: %s', (_, path, change, found) => {
    expect(noteAfter(change)).toMatchObject([{ kind: 'shape', subject: 'order.Placed', path, ...found }])
    expect(noteAfter(change, WINDOW_EVENTS - 1)).toEqual([])
  })

  test('two events of 50 with a new value are no note after 600 events, and three are one', () => {
    const coins = (count: number) => usual(WINDOW_EVENTS, 8).map((data, i) => (i < count ? { ...data, by: 'coin' } : data))
    expect(fold(coins(2), KNOWN, LEARNED).notes).toEqual([])
    expect(fold(coins(3), KNOWN, LEARNED).notes).toMatchObject([{ path: 'by', change: 'values', seen: 0.06 }])
  })

  test('a note has the times of its window and the positions of the last events that show it', () => {
    const [note] = fold(
      usual(WINDOW_EVENTS, 8).map((data, i) => (i % 2 ? { ...data, by: 'coin' } : data)),
      KNOWN,
      LEARNED,
    ).notes
    expect(note!.examples).toEqual([46, 48, 50].map(i => LEARNED + i))
    expect(note!.since).toBe(LEARNED * 60_000)
    expect(note!.openedAt).toBe((LEARNED + WINDOW_EVENTS - 1) * 60_000)
  })

  test('a field is noted once where the change lasts, and again where it changes once more', () => {
    const dear = (data: Data) => ({ ...data, cents: Number(data['cents']) * 100 })
    const lasting = fold(usual(LEARNED, 9).map(dear), KNOWN, LEARNED)
    expect(lasting.notes).toEqual(noteAfter(dear).map(() => expect.objectContaining({ since: LEARNED * 60_000 })))
    const again = fold(usual(WINDOW_EVENTS, 7), lasting, 2 * LEARNED)
    expect(again.notes).toMatchObject([{ path: 'cents', since: 2 * LEARNED * 60_000 }])
  })

  test('a text of a payload and a secret one never stand in a row or in a note', () => {
    const canary = (data: Data) => ({ ...data, shop: 'CANARY', pin: 'CANARY' })
    const row = fold(usual(WINDOW_EVENTS * 3, 8).map(canary), KNOWN, LEARNED)
    expect(row.notes.map(({ path }) => path)).toEqual(['shop'])
    expect(JSON.stringify(row)).not.toContain('CANARY')
    // The check can fail: the value of a closed list is shown.
    expect(JSON.stringify(noteAfter(data => ({ ...data, by: 'coin' })))).toContain('coin')
  })

  test('a field with many texts has no list of them, and no note of a new one', () => {
    const row = fold(usual(LEARNED).map((data, i) => ({ ...data, shop: `s${i}` })))
    expect(row.fields['shop']!.texts).toBeNull()
    const next = usual(WINDOW_EVENTS, 8).map(data => ({ ...data, shop: 'new' }))
    expect(fold(next, row, LEARNED).notes).toEqual([])
  })

  test('a row is bounded however many events it has seen', () => {
    const sizeOf = (row: ShapeRow) => JSON.stringify(row).length
    const long = usual(20_000).map((data, i) => ({ ...data, cents: i * 1_000, shop: `s${i}` }))
    expect(sizeOf(fold(long))).toBeLessThan(8_000)
  })

  test('a row whose schema has another field begins a window anew, and keeps what it knows of the others', () => {
    const more = pathsOf(z.object({ cents: z.int().optional(), by: z.enum(['card', 'cash', 'coin']), at: z.string() }))
    const begun = fold(usual(20), KNOWN, LEARNED)
    const row = fold(
      usual(WINDOW_EVENTS, 8).map(data => ({ ...data, by: 'coin' })),
      begun,
      LEARNED + 20,
      more,
    )
    expect(row.notes).toMatchObject([{ path: 'by', since: (LEARNED + 20) * 60_000 }])
    expect(Object.keys(row.fields)).toEqual(['cents', 'by', 'at'])
  })

  test('a row is the same however its events are cut into pages that are stored between', () => {
    const all = usual(LEARNED + 90).map((data, i) => (i < LEARNED ? data : { ...data, cents: 1 }))
    const whole = fold(all)
    expect(whole.notes).toMatchObject([{ path: 'cents' }])
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 8 }), cuts => {
        const ends = [...cuts.toSorted((one, other) => one - other), all.length]
        const folded = ends.reduce<ShapeRow | null>((row, end, i) => {
          const from = ends[i - 1] ?? 0
          return end === from ? row : (JSON.parse(JSON.stringify(fold(all.slice(from, end), row, from))) as ShapeRow)
        }, null)
        expect(folded).toEqual(whole)
      }),
      { numRuns: 30 },
    )
  })

  test('notes are ranked by their effects', () => {
    const note = (effect: number) => ({ ...noteAfter(data => ({ ...data, by: 'coin' }))[0]!, effect })
    const rows = [[note(0.2), note(0.9)], [note(0.5)]].map(notes => ({ ...KNOWN, notes }))
    expect(rankNotes(rows).map(({ effect }) => effect)).toEqual([0.9, 0.5, 0.2])
  })
})
