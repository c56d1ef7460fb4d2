// An app that does what it is asked to, also what no app should: it hangs, fails, leaks and blocks.
import { decider, detector, events, processManager, processor, projection, query, reject } from 'emaki'
import { main } from 'emaki/cli'
import { app } from 'emaki/http'
import { webhooks } from 'emaki/webhooks'
import { z } from 'zod'

const What = z.enum(['fine', 'poison', 'hang', 'slow', 'fail', 'block', 'leak', 'send'])
const Thing = events('thing', { Did: z.object({ what: What }), Sent: z.object({}) })
export const Rare = events('rare', { Happened: z.object({}) })

const forever = () => new Promise<never>(() => {})

const thing = decider(Thing, {
  initial: {},
  evolve: { Did: _ => ({}), Sent: _ => ({}) },
  commands: { do: z.object({ what: What }), refuse: z.object({ code: z.string() }), ask: z.object({}) },
  // A service outside that does not answer.
  prepare: { ask: forever },
  decide: { do: (_, data) => Thing.Did(data), refuse: (_, { code }) => reject(code), ask: () => Thing.Sent({}) },
})
const rare = decider(Rare, {
  initial: {},
  evolve: { Happened: _ => ({}) },
  commands: { happen: z.object({}) },
  decide: { happen: () => Rare.Happened({}) },
})

const things = projection('things', {
  from: Thing,
  row: z.object({ n: z.int() }),
  initial: { n: 0 },
  evolve: {
    Did: ({ n }, { what }) => {
      if (what === 'poison') throw new Error('it cannot be folded')
      return { n: n + 1 }
    },
  },
})
/** Its table can be locked, as nothing is written to it. */
const rares = projection('rares', { from: Rare, row: z.object({}), initial: {}, evolve: { Happened: row => row } })

const leaked: Buffer[] = []
const LEAKED_BYTES = 350_000
const SLOW_MS = 600
const BURNT_MS = 150

const worker = processor('worker', {
  from: Thing,
  start: 'beginning',
  types: ['Did'],
  attemptMs: null,
  handle: async ([event]) => {
    switch (event!.data.what) {
      case 'hang':
        return forever()
      case 'slow':
        return Bun.sleep(SLOW_MS)
      case 'fail':
        throw new Error('the handler fails')
      case 'leak':
        setInterval(() => leaked.push(Buffer.alloc(LEAKED_BYTES, 1)), 500)
        return
      case 'block':
        setInterval(() => burn(BURNT_MS), 2 * BURNT_MS)
    }
  },
})

function burn(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

const follow = processManager('follow', {
  from: Thing,
  to: thing,
  start: 'beginning',
  begins: 'Did',
  initial: {},
  evolve: { Did: _ => ({}), Sent: _ => null },
  react: { Did: (_, { what }, { instance }) => (what === 'send' ? thing.ask(`${instance}-next`, {}) : []) },
  on: { rejected: () => [] },
})

const broken = query('broken', {
  params: z.object({}),
  run: async () => {
    throw new Error('a bug')
  },
})

/** A receiver of webhooks, where the test has one. */
const RECEIVER = process.env['RECEIVER']
const hooks = RECEIVER
  ? [webhooks('hook', { from: Thing, types: ['Did'], url: RECEIVER, secrets: secret(), start: 'beginning' })]
  : []

function secret(): string {
  return `whsec_${Buffer.alloc(32, 1).toString('base64')}`
}

const rates = detector('rates', { from: Rare })

export const faulty = app({ serve: [thing, rare, things, rares, worker, follow, broken, rates, ...hooks] })
if (import.meta.main) await main(faulty)
