// Names that are not there and fields that would be lost. As in refused.ts, a comment above each wrong line has what the compiler says.
import { z } from 'zod'
import { decider, events, processManager, processor, projection, query, runtime, saga } from '../../index.ts'

const None = z.object({})
const Stock = events('stock', {
  Restocked: z.object({ qty: z.int() }),
  Reserved: z.object({ order: z.string() }),
  Released: None,
})
const Line = z.object({ sku: z.string(), note: z.string().optional() })
const Shelf = z.object({ status: z.enum(['empty', 'full']), n: z.int(), lines: z.array(Line), by: z.string().nullable() })
const empty = { status: 'empty', n: 0, lines: [], by: null } as const
const initial = Shelf.parse({ ...empty })
type N = { n: number }
const note = { commands: { note: None }, decide: { note: () => [] } }

// --- facts
const folds = { Restocked: (s: N) => s, Reserved: (s: N) => s, Released: (s: N) => s }
// @ts-expect-error there is no event Relesed; did you mean Released?
decider(Stock, { ...note, initial: { n: 0 }, evolve: { ...folds, Relesed: (s: N) => s } })
// @ts-expect-error there is no event released; did you mean Released?
decider(Stock, { ...note, initial: { n: 0 }, evolve: { ...folds, released: (s: N) => s } })
// @ts-expect-error there is no event Relaesed; did you mean Released?
decider(Stock, { ...note, initial: { n: 0 }, evolve: { ...folds, Relaesed: (s: N) => s } })
const Order = events('order', { Placed: z.object({ by: z.string() }), Released: None })
const both = { from: [Order, Stock], row: Shelf, initial } as const
// @ts-expect-error there is no event order.Place; did you mean order.Placed?
projection('x', { ...both, evolve: { Placed: row => row, 'order.Place': (row: z.output<typeof Shelf>) => row } })
// @ts-expect-error there is no event Restoked; did you mean Restocked?
projection('x', { ...both, key: { Reserved: d => d.order, Restoked: () => 'a' }, evolve: { Placed: row => row } })
const order = decider(Order, { ...note, initial: {}, evolve: { Placed: s => s, Released: s => s } })
const from = { from: Order, to: order } as const
const on = { rejected: () => [] }
// @ts-expect-error there is no event Place; did you mean Placed?
processManager('p', { ...from, on, begins: 'Placed', initial: 1, evolve: {}, react: { Placed: () => [], Place: () => [] } })
// @ts-expect-error there is no event Place; did you mean Placed?
saga('s', { ...from, begins: { Placed: data => data, Place: () => ({ by: '' }) }, steps: [{ run: () => order.note('a', {}) }] })

// --- fields of a state
const fold = { Reserved: (s: z.output<typeof Shelf>) => s, Released: (s: z.output<typeof Shelf>) => s }
// @ts-expect-error there is no field staus; did you mean status?
decider(Stock, { ...note, initial, evolve: { ...fold, Restocked: s => ({ ...s, staus: 'full' }) } })
// @ts-expect-error there is no field order
decider(Stock, { ...note, initial, evolve: { ...fold, Reserved: (s, data) => ({ ...s, ...data }), Restocked: s => s } })
// @ts-expect-error there is no field nte; did you mean note?
decider(Stock, { ...note, initial, evolve: { ...fold, Restocked: s => ({ ...s, lines: [...s.lines, { sku: 'a', nte: '' }] }) } })
// @ts-expect-error there is no field m; did you mean n?
processManager('p', { ...from, on, begins: 'Placed', initial: { n: 0 }, evolve: { Placed: s => ({ ...s, m: 1 }) }, react: {} })

// --- fields of a row
const shelves = { from: Stock, row: Shelf, initial } as const
// @ts-expect-error there is no field bye; did you mean by?
projection('x', { ...shelves, evolve: { Restocked: row => ({ ...row, bye: 'a' }) } })
// @ts-expect-error there is no field bye; did you mean by?
projection('x', { ...shelves, evolve: { Restocked: row => (row.n > 0 ? null : { ...row, bye: 'a' }) } })
// @ts-expect-error there is no field nte; did you mean note?
projection('x', { ...shelves, evolve: { Restocked: row => ({ ...row, lines: row.lines.map(line => ({ ...line, nte: '' })) }) } })

// --- the public view
const whole = { ...note, initial, evolve: { ...fold, Restocked: (s: z.output<typeof Shelf>) => s } }
// @ts-expect-error there is no field statu; did you mean status?
decider(Stock, { ...whole, expose: z.object({ statu: z.string() }) })
// @ts-expect-error the state has another type of n
decider(Stock, { ...whole, expose: z.object({ n: z.string(), status: z.string() }) })

// --- schemas of events
const when = z.object({ day: z.string() })
// @ts-expect-error takes what JSON holds, but not at /day"
events('a', { Past: when.extend({ day: z.date() }) })
// @ts-expect-error takes what JSON holds, but not at /lines/*/at"
events('a', { Fine: when, Past: when.extend({ lines: z.array(z.object({ at: z.date().optional(), sku: z.string() })) }) })
// @ts-expect-error takes what JSON holds, but not at /by/*"
events('a', { Past: when.extend({ by: z.record(z.string(), z.date()) }) })
// @ts-expect-error takes what JSON holds, but not at /by"
events('a', { Past: when.extend({ by: z.union([z.object({ at: z.date() }), z.object({ n: z.int() })]) }) })
// @ts-expect-error takes what JSON holds, but not at /"
events('a', { Past: z.date() })

// --- names of definitions
// @ts-expect-error "the name of a family is letters, digits and _, begins with a letter, and has at most 63 characters, as its streams are named
events('stock-room', {})
// @ts-expect-error "the name of a family is letters, digits and _, begins with a letter
events('A_name_that_has_one_letter_more_than_what_fits_into_a_stream_is_', {})
events('A_name_that_has_as_many_letters_as_those_that_fit_in_a_stream__', {})
// @ts-expect-error "a name is small letters, digits and -, begins with a letter, and has at most 40 characters"
projection('by_status', { ...shelves, evolve: {} })
// @ts-expect-error "a name is small letters, digits and -, begins with a letter
projection('a-name-that-has-one-letter-more-than-fits', { ...shelves, evolve: {} })
// @ts-expect-error "a name is small letters, digits and -, begins with a letter
processor('1st', { from: Stock, handle: () => {} })
// @ts-expect-error "a name is small letters, digits and -, begins with a letter
query('Summary', { params: None, run: async () => 1 })
// @ts-expect-error "a name is small letters, digits and _, begins with a letter
processManager('stock-keeping', { ...from, on, begins: 'Placed', initial: 1, evolve: {}, react: {} })
// @ts-expect-error "a name is small letters, digits and _, begins with a letter
saga('stock-keeping', { ...from, begins: { Placed: data => data }, steps: [{ run: () => order.note('a', {}) }] })

// --- what is served
// @ts-expect-error "serve what decides or reads the events of a family, and not the family"
await runtime({ serve: [order, Order] })
