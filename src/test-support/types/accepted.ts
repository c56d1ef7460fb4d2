// What has to compile, without a cast and without a generic spelled out. types.test.ts compiles it, and runs it.
import { z } from 'zod'
import {
  at,
  type Command,
  decider,
  type Event,
  events,
  processor,
  projection,
  query,
  type Recorded,
  reject,
  runtime,
  split,
  upcast,
} from '../../index.ts'

const None = z.object({})
const Line = z.object({ sku: z.string(), qty: z.int().positive() })

// A union of literals in a state, an empty list and an optional field: by a schema, or by a type.
const State = z.object({ status: z.enum(['none', 'open', 'done']), lines: z.array(Line), note: z.string().optional() })
type Plain = {
  readonly status: 'none' | 'open' | 'done'
  readonly lines: readonly z.output<typeof Line>[]
  readonly note?: string
}
const plain: Plain = { status: 'none', lines: [] }

const Basket = events('basket', {
  Opened: z.object({ lines: z.array(Line) }),
  Closed: z.object({ why: z.string() }),
  Noted: None,
})
const evolve = {
  bySchema: decider(Basket, {
    initial: State.parse({ status: 'none', lines: [] }),
    evolve: {
      Opened: (s, { lines }) => ({ ...s, status: 'open', lines: [...s.lines, ...lines] }),
      Closed: s => ({ ...s, status: 'done', lines: [] }),
      Noted: s => ({ ...s, note: 'noted' }),
    },
    commands: { open: z.object({ sku: z.string() }), close: z.object({ why: z.string().default('no reason') }), note: None },
    decide: {
      open: (s, { sku }) => (s.status === 'none' ? Basket.Opened({ lines: [{ sku, qty: 1 }] }) : reject('open')),
      close: (s, { why }) => {
        if (s.status !== 'open') return reject('not-open', { status: s.status })
        return s.note === undefined ? [] : [Basket.Noted({}), Basket.Closed({ why: why.trim() })]
      },
      note: () => [],
    },
    expose: State.omit({ lines: true }),
    snapshot: { every: 100, version: 1 },
  }),
  byType: decider(Basket, {
    initial: plain,
    evolve: {
      Opened: (s, { lines }) => ({ ...s, status: 'open', lines }),
      Closed: ({ note: _, ...s }) => ({ ...s, status: 'done' }),
      Noted: s => (s.status === 'open' ? { ...s, note: 'noted' } : s),
    },
    commands: { open: None },
    decide: { open: (_, __, { now, instance, actor }) => reject('closed', { now: now.toISOString(), instance, actor }) },
  }),
  // From what it begins with.
  inferred: decider(Basket, {
    initial: { count: 0, open: false },
    evolve: { Opened: s => ({ ...s, count: s.count + 1, open: true }), Closed: s => ({ ...s, open: false }), Noted: s => s },
    commands: { open: z.object({ lines: z.array(Line) }) },
    decide: { open: (s, data) => (s.open ? [] : Basket.Opened(data)) },
  }),
}

// Commands: the input of their schema, each typed by its name.
const basket = evolve.bySchema
const closing: Command<'basket', 'close', { why?: string | undefined }> = basket.close('b1', {})
const opening: Event<'basket', 'Opened', { lines: { sku: string; qty: number }[] }> = Basket.Opened({ lines: [] })

// Old payloads, and types that were.
const V1 = z.object({ customer: z.string() })
const V2 = z.object({ customerId: z.string() })
const V3 = z.object({ customer: z.object({ id: z.string() }) })
const Order = events(
  'order',
  {
    Placed: upcast(
      V3,
      upcast(V2, V1, ({ customer }) => ({ customerId: customer })),
      ({ customerId: id }) => ({ customer: { id } }),
    ),
    Paid: None,
    Shipped: z.object({ tracking: z.string() }),
  },
  {
    was: {
      Sent: 'Shipped',
      Viewed: null,
      PaidAndShipped: split(z.object({ code: z.int() }), ({ code }, order) => [
        order.Paid({}),
        order.Shipped({ tracking: `T${code}` }),
      ]),
    },
  },
)
const { id } = Order.Placed({ customer: { id: 'c1' } }).data.customer

// Schemas of every kind whose values survive JSON.
type Tree = { readonly name: string; readonly children: readonly Tree[] }
const Tree: z.ZodType<Tree, Tree> = z.lazy(() => z.object({ name: z.string(), children: z.array(Tree) }))
const Folder = z.object({
  name: z.string(),
  get folders() {
    return z.array(Folder).optional()
  },
})
const Every = events('every', {
  Literal: z.object({ a: z.literal(['x', 'y']), b: z.union([z.literal(1), z.literal('one'), z.null()]) }),
  Enum: z.enum(['a', 'b']),
  Optional: z.object({ a: z.string().optional(), b: z.string().nullable(), c: z.string().nullish() }),
  Record: z.object({ a: z.record(z.string(), Line), b: z.partialRecord(z.enum(['x']), z.int()) }),
  Tuple: z.tuple([z.string(), z.int()], z.boolean()),
  Variant: z.discriminatedUnion('k', [z.object({ k: z.literal('a'), n: z.int() }), z.object({ k: z.literal('b') })]),
  Anything: z.object({ a: z.any(), b: z.unknown(), c: z.record(z.string(), z.unknown()), d: z.json() }),
  Readonly: z.object({ list: z.array(z.string()).readonly() }).readonly(),
  Format: z.object({ a: z.email(), b: z.uuid(), c: z.iso.datetime() }),
  Loose: z.looseObject({ a: z.string() }),
  Tree,
  Folder,
})

// Rows: of some facts of one family or of several, by one key or by many, with a union of literals in them.
const Payment = events('payment', { Charged: z.object({ cents: z.int() }), Paid: z.object({ by: z.string() }) })
const Row = z.object({
  status: z.enum(['open', 'done']),
  lines: z.array(Line),
  total: z.int(),
  note: z.string().nullable(),
  why: z.string().optional(),
})
const rows = {
  baskets: projection('baskets', {
    from: Basket,
    row: Row,
    initial: { status: 'open', lines: [], total: 0, note: null },
    indexes: ['status', 'note', 'why'],
    evolve: {
      Opened: (row, { lines }, { at, instance, version }) => ({ ...row, lines, total: version, note: `${instance} at ${at}` }),
      Closed: (row, { why }) => ({ ...row, status: 'done', why }),
    },
  }),
  // A type that is no schema's own.
  plain: projection('plain', {
    from: Basket,
    row: z.object({ n: z.int() }).readonly(),
    initial: { n: 0 },
    evolve: { Noted: () => null },
  }),
  skus: projection('skus', {
    from: [Basket, Order],
    row: z.object({ sold: z.int() }),
    initial: { sold: 0 },
    indexes: ['sold'],
    key: {
      Opened: ({ lines }) => lines.map(({ sku }) => sku),
      'order.Placed': ({ customer }, { instance }) => customer.id + instance,
    },
    evolve: {
      Opened: (row, { lines }, _, sku) => ({ sold: row.sold + lines.filter(line => line.sku === sku).length }),
      'order.Placed': row => row,
      'order.Shipped': (_, { tracking }) => (tracking === '' ? null : { sold: tracking.length }),
    },
  }),
  // Two families have a Paid: say whose.
  both: projection('both', {
    from: [Order, Payment],
    row: z.object({ by: z.string() }),
    initial: { by: '' },
    evolve: {
      'payment.Paid': (_, { by }) => ({ by }),
      'order.Paid': row => row,
      Charged: (row, { cents }) => ({ by: row.by + cents }),
    },
  }),
  later: projection('baskets', {
    from: Basket,
    row: Row,
    initial: { status: 'open', lines: [], total: 0, note: null },
    version: 2,
    previous: projection('baskets', { from: Basket, row: z.object({}), initial: {}, evolve: {} }),
    evolve: {},
  }),
  live: projection('live', {
    from: Basket,
    row: z.object({ n: z.int() }),
    initial: { n: 0 },
    evolve: { Opened: row => ({ n: row.n + 1 }) },
    live: true,
  }),
}

// Questions: parameters in, what rows give out.
const questions = {
  open: query('open', {
    params: z.object({ why: z.string().optional(), least: z.int().default(0) }),
    cache: { ttl: '5 minutes', stale: '1 hour', negative: '30 seconds', tags: ({ least }) => [`least:${least}`], public: true },
    run: async ({ why, least }, read) => {
      const found = await read(rows.baskets).list(
        { status: 'open', ...(why !== undefined && { why }) },
        { sort: '-note', limit: 5 },
      )
      const first: { readonly key: string; readonly status: 'open' | 'done' } | undefined = found[0]
      return { first: first?.key ?? null, enough: found.filter(({ total }) => total >= least).length }
    },
  }),
  answered: query('answered', {
    params: z.object({}),
    answer: z.object({ status: z.enum(['few', 'many']), keys: z.array(z.string()) }).nullable(),
    run: async (_, read) => {
      const sold = await read(rows.skus).count({ sold: 1 })
      const row = await read(rows.skus).get('a')
      return row === null ? null : { status: sold > 1 ? 'many' : 'few', keys: [row.key] }
    },
  }),
  constant: query('constant', {
    params: z.object({}),
    answer: z.object({ s: z.enum(['a', 'b']) }),
    run: async () => ({ s: 'a' }),
  }),
}

// Effects.
const effects = [
  processor('mails', {
    from: Order,
    types: ['Shipped'],
    handle: ([event], { keyOf }) => (event ? keyOf(event) + event.data.tracking : ''),
  }),
  processor('since', { from: Order, start: { at: '2030-01-31T12:00:00+01:00' }, handle: () => {} }),
  processor('all', {
    from: [Order, Payment],
    start: 'now',
    batchSize: 10,
    parallelism: 2,
    key: ({ category, instance }) => category + instance,
    handle: async (events, { attempt, signal }) => {
      for (const event of events) if (event.category === 'payment' && event.type === 'Charged') event.data.cents.toFixed(attempt)
      signal.throwIfAborted()
    },
  }),
]
const day: string = '2030-01-31'
// A text that only comes later, as from an event, is read when it comes.
const timers = [
  at('2030-01-31T12:00:00Z', 'a'),
  at(`${day}T12:00:00-05:00`, 'b'),
  at(new Date(0), 'c'),
  at(String(`${day}T00:00:00Z`), 'd'),
]
const recorded: Recorded<Event<'payment', 'Charged', { cents: number }>>['data']['cents'] = 1

const emaki = await runtime({
  serve: [basket, rows.baskets, rows.skus, rows.live, questions.open, questions.answered, ...effects],
})
const sent = await emaki.send(basket.open('b1', { sku: 'a' }), { key: 'k1', expect: 0 })
const told =
  sent.outcome === 'accepted'
    ? `${sent.stream} is at ${sent.version} and ${sent.position}, after ${sent.events.length}`
    : sent.outcome === 'rejected'
      ? sent.code
      : sent.outcome
const isSeen = sent.outcome === 'accepted' && (await emaki.waitUntilProcessed(sent.position, ['baskets', 'skus']))
const row = await emaki.row(rows.baskets, 'b1')
const status: 'open' | 'done' | undefined = row?.status
const { enough } = await emaki.query(questions.open, { why: 'w' }, { atLeast: 1 })
const asked: readonly [string | undefined, string | undefined, number] = [row?.key, status, enough]
await emaki.close()

/** The results, so that a test sees that it ran. */
export const seen: readonly unknown[] = [
  told,
  closing.data,
  opening.type,
  id,
  Object.keys(Every).length,
  isSeen,
  recorded,
  asked,
  timers.length,
]

// Folds that give no more than there is: narrower values, parts that are left out, variants, lists in lists, and a value of any kind where the schema takes one.
type Node = { readonly name: string; readonly below?: readonly Node[] }
const Wide = z.object({
  kind: z.enum(['a', 'b']),
  lines: z.array(Line.extend({ note: z.string().optional() })),
  who: z.object({ name: z.string().optional() }).nullable(),
  extra: z.unknown(),
  counts: z.record(z.string(), z.int()),
  tree: Tree.nullable(),
})
projection('wide', {
  from: Basket,
  row: Wide,
  initial: { kind: 'a', lines: [], who: null, extra: null, counts: {}, tree: null },
  evolve: {
    Opened: (row, { lines }) => ({
      ...row,
      extra: { deep: { er: 1 } },
      counts: { ...row.counts, new: 1 },
      lines,
      who: { name: 'x' },
    }),
    Closed: row => (row.kind === 'a' ? null : { ...row, kind: 'b', lines: row.lines.map(line => ({ ...line, note: 'x' })) }),
    Noted: row => ({ ...row, tree: { name: 'a', children: row.tree ? [row.tree, { name: 'b', children: [] }] : [] } }),
  },
})
type Variant =
  | { readonly kind: 'empty' }
  | { readonly kind: 'full'; readonly root: Node; readonly seen?: ReadonlyMap<string, Date> }
const variant = (): Variant => ({ kind: 'empty' })
decider(Basket, {
  initial: variant(),
  evolve: {
    Opened: s => ({ ...s, kind: 'full', root: { name: 'a', below: [{ name: 'b' }] } }),
    Closed: s => (s.kind === 'full' ? { ...s, seen: new Map([['a', new Date(0)]]) } : s),
    Noted: _ => ({ kind: 'empty' }),
  },
  commands: {},
  decide: {},
})
