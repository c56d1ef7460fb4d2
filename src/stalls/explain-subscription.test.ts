import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { PAUSED_OWNER, PAUSE_MS } from '../ports/read-model/leases.ts'
import type { Parked } from '../ports/read-model/parked.ts'
import { explainSubscription, FAR_BEHIND_MS, STANDS_MS, type SubscriptionFacts } from './explain-subscription.ts'

const NOW = Date.parse('2026-01-31T12:00:00.000Z')
const lease = (leftMs: number, owner = '12.0198') => ({ name: 'mails', owner, epoch: 3, leftMs })

/** A processor that is behind, and does not move although its owner lives. */
const facts = (own: Partial<SubscriptionFacts> = {}): SubscriptionFacts => ({
  ...{ name: 'mails', definition: { kind: 'processor', name: 'mails' }, now: NOW, head: 7, position: 4, leaseMs: 5_000 },
  ...{
    lease: lease(4_000),
    movedAt: NOW - 60_000,
    isServing: true,
    failure: null,
    parked: [],
    servedBy: null,
    current: null,
    retryMs: null,
  },
  next: { position: 5, type: 'Placed', stream: 'order-o1', at: NOW - 3_000 },
  ...own,
})
const parked = (own: Partial<Parked> = {}): Parked => ({
  ...{ name: 'mails', kind: 'key', key: 'o1', position: 3, cause: 'Error: no luck', at: '2026-01-31T11:59:00.000Z' },
  ...{ again: null, reader: null },
  ...own,
})
const causes = (own: Partial<SubscriptionFacts>) => explainSubscription(facts(own)).map(({ cause }) => cause)

describe('a subscription that does not move', () => {
  test('one whose owner lives is explained by the event that its handler has, and since when', () => {
    expect(explainSubscription(facts())).toEqual([
      {
        cause: 'handler',
        subject: 'mails',
        sentence:
          'mails does not move: 12.0198 runs it, is alive, and has had the event at 5 (Placed of order-o1) for 3.0 s; 3 events wait.',
        since: '2026-01-31T11:59:57.000Z',
        mend: 'Look at what its handler waits for. To hand it to another process, restart that one.',
        chain: [],
      },
    ])
    const [known] = explainSubscription(facts({ current: { position: 6, key: 'o2' } }))
    expect(known!.sentence).toContain('has had the event at 6 of "o2" for 3.0 s')
  })

  test('one that moved lately is none, and so is one for which no event waits', () => {
    expect(causes({ movedAt: NOW - STANDS_MS + 1 })).toEqual([])
    expect(causes({ next: { position: 5, type: 'Placed', stream: 'order-o1', at: NOW - STANDS_MS + 1 } })).toEqual([])
    expect(causes({ next: null, position: 7 })).toEqual([])
  })

  test('one that is far behind has as long as it may take to save what it has folded', () => {
    const far = { head: 90_000, movedAt: NOW - FAR_BEHIND_MS + 1 }
    const waits = { position: 5, type: 'Placed', stream: 'order-o1', at: 0 }
    expect(causes({ ...far, next: waits })).toEqual([])
    expect(causes({ ...far, movedAt: NOW - FAR_BEHIND_MS, next: waits })).toEqual(['handler'])
  })

  test('one whose owner does not renew its lease says when another process may take it', () => {
    const [found] = explainSubscription(facts({ lease: lease(1_200) }))
    expect([found!.cause, found!.sentence]).toEqual([
      'dead-owner',
      '12.0198, which runs mails, has not renewed its lease for 3.8 s: it has died, or hangs. Another process may take the lease in 1.2 s.',
    ])
  })

  test('one without a lease, or with one that nobody took over, is run by nobody', () => {
    expect(explainSubscription(facts({ lease: null }))).toMatchObject([
      { cause: 'nobody', sentence: 'No process runs mails; 3 events wait.' },
    ])
    expect(explainSubscription(facts({ lease: lease(-9_000) }))).toMatchObject([
      { cause: 'nobody', sentence: expect.stringContaining('the lease of 12.0198 ended 9.0 s ago, and nobody has taken it') },
    ])
  })

  test('one that is paused says so, whatever else is the matter, and names the command', () => {
    const paused = lease(PAUSE_MS, PAUSED_OWNER)
    expect(explainSubscription(facts({ lease: paused, failure: 'no luck' }))).toMatchObject([
      { cause: 'paused', sentence: 'mails is paused; 3 events wait.', mend: 'Run `emaki resume mails`.' },
    ])
    expect(causes({ lease: paused, next: null, position: 7 })).toEqual(['paused'])
  })

  test('one that fails and is tried again says what failed', () => {
    const [found] = explainSubscription(facts({ failure: 'the mail server is away' }))
    expect(found).toMatchObject({ cause: 'retry', sentence: expect.stringContaining('the mail server is away') })
  })

  test('a table that is being filled says how far it is, and what serves meanwhile', () => {
    const own = { name: 'orders_v2', definition: { kind: 'projection', name: 'orders' }, isServing: false } as const
    expect(explainSubscription(facts({ ...own, servedBy: 'orders_v1' }))).toMatchObject([
      { cause: 'rebuild', sentence: 'orders_v2 is being filled, and is at 4 of 7; orders_v1 serves meanwhile.' },
    ])
    expect(explainSubscription(facts(own))[0]!.sentence).toEndWith('there are no rows meanwhile.')
  })

  test('one that is past the head says that the log was restored, and nothing else', () => {
    expect(explainSubscription(facts({ position: 9, parked: [parked()] }))).toMatchObject([
      { cause: 'restored', sentence: expect.stringContaining('mails is at 9, and the log ends at 7') },
    ])
  })
})

test('a parked key is named with its event, its cause and its commands, and one in retry is told from it', () => {
  const [, staying, retrying] = explainSubscription(
    facts({ parked: [parked(), parked({ key: 'o2' }), parked({ key: 'o3', again: 'whole' })] }),
  )
  expect(staying).toMatchObject({
    cause: 'parked',
    sentence: 'key "o1" and 1 more of mails is parked at the event at 3: Error: no luck',
    since: '2026-01-31T11:59:00.000Z',
    mend: 'Mend the cause, then run `emaki unpark mails o1`; or pass over the event: `emaki skip mails o1`.',
  })
  expect(retrying).toMatchObject({ cause: 'retry', sentence: expect.stringContaining('key "o3" of mails is tried again') })
  const [, told] = explainSubscription(facts({ parked: [parked({ again: 'whole' })], retryMs: 60_000 }))
  expect(told!.sentence).toContain('is tried again and again, the next time within 1 min, at the event at 3: Error: no luck')
})

test('a schedule stands still where it is paused, or where nobody runs it', () => {
  const nightly = {
    name: 'schedule_nightly',
    definition: { kind: 'schedule', name: 'nightly' },
    next: null,
    position: 0,
    head: 7,
  } as const
  expect(causes(nightly)).toEqual([])
  expect(causes({ ...nightly, lease: lease(PAUSE_MS, PAUSED_OWNER) })).toEqual(['paused'])
  expect(causes({ ...nightly, lease: null })).toEqual(['nobody'])
})

test('whatever the store says, there is at most one cause for which a checkpoint stands, and it says what mends it', () => {
  const any = fc.record({
    lease: fc.option(
      fc.record({
        name: fc.constant('mails'),
        owner: fc.constantFrom('a', PAUSED_OWNER),
        epoch: fc.nat(),
        leftMs: fc.integer({ min: -9_000, max: 5_000 }),
      }),
    ),
    failure: fc.option(fc.string()),
    movedAt: fc.option(fc.integer({ min: NOW - 30_000, max: NOW })),
    position: fc.integer({ min: 0, max: 9 }),
    isServing: fc.boolean(),
  })
  fc.assert(
    fc.property(any, own => {
      const found = explainSubscription(facts(own))
      expect(found.length).toBeLessThanOrEqual(1)
      for (const { sentence, mend, since } of found) {
        expect([sentence.includes('mails'), mend.length > 0]).toEqual([true, true])
        expect(since === null || Date.parse(since) <= NOW).toBeTrue()
      }
      // Whoever runs it, an event that waits for so long is never left without a cause.
      const isBehind = own.position < 7 && (own.movedAt ?? 0) <= NOW - STANDS_MS
      if (isBehind) expect(found).toHaveLength(1)
    }),
  )
})
