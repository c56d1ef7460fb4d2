// What a command needs from outside is fetched before it is decided.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import type { Preparing } from '../definitions/decider/prepare.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import type { Notice } from '../ports/report/notice.ts'
import { memory } from '../ports/store/memory.ts'
import { type Trace, untraced } from '../ports/trace/trace.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { decide } from '../testing/decide.ts'

type Fetch = (cents: number, preparing: Preparing) => Promise<{ readonly rate: number } | null>

const None = z.object({})
const Bill = events('bill', { Paid: z.object({ cents: z.int() }), Closed: None })
const billOf = (fetch: Fetch) =>
  decider(Bill, {
    initial: {},
    evolve: { Paid: state => state, Closed: state => state },
    commands: { pay: z.object({ cents: z.int() }), close: None },
    prepare: { pay: ({ cents }, preparing) => fetch(cents, preparing) },
    decide: {
      pay: (_, { cents }, { prepared }) =>
        prepared ? Bill.Paid({ cents: cents * prepared.rate }) : reject.later('no-rate', { after: '1 minute' }),
      close: (_, __, { prepared }) => (prepared === null ? Bill.Closed({}) : []),
    },
  })
const twofold: Fetch = async () => ({ rate: 2 })
const untilLeft: Fetch = (_, { signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

const closing: Runtime[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})
async function openBills(fetch: Fetch, { trace = untraced, queue = {} }: { trace?: Trace; queue?: { commands?: number } } = {}) {
  const bill = billOf(fetch)
  const reported: Notice[] = []
  const report = (notice: unknown) => void reported.push(notice as Notice)
  const emaki = await runtime({ serve: [bill], store: memory(), report, trace, queue })
  closing.push(emaki)
  return { emaki, bill, reported }
}
const paid = (cents: number) => ({ outcome: 'accepted', events: [Bill.Paid({ cents })] }) as const

describe('a command with a preparation', () => {
  test('a command is decided with what was fetched for it, and another one of the decider with null', async () => {
    const seen: unknown[] = []
    const { emaki, bill } = await openBills(async (cents, { instance, actor }) => {
      seen.push([cents, instance, actor])
      return { rate: 3 }
    })
    expect(await emaki.send(bill.pay('b1', { cents: 5 }), { actor: 'ada' })).toMatchObject(paid(15))
    expect(await emaki.send(bill.close('b1', {}))).toMatchObject({ outcome: 'accepted', events: [Bill.Closed({})] })
    expect(seen).toEqual([[5, 'b1', 'ada']])
  })

  test('a command whose preparation finds nothing is decided, and may be refused for now', async () => {
    const { emaki, bill } = await openBills(async () => null)
    expect(await emaki.send(bill.pay('b1', { cents: 5 }))).toMatchObject({ outcome: 'later', code: 'no-rate' })
  })

  test('a command whose preparation throws fails with that error, is not decided, and leaves the next one its place', async () => {
    let isAway = true
    const { emaki, bill } = await openBills(() => (isAway ? Promise.reject(new Error('away')) : twofold(0, null!)))
    const pay = () => emaki.send(bill.pay('b1', { cents: 5 }), { key: 'k' })
    await expect(pay()).rejects.toThrow('away')
    isAway = false
    expect(await pay()).toMatchObject(paid(10))
    expect(await pay()).toMatchObject({ ...paid(10), replayed: true })
  })

  test('a preparation that outlasts its command is aborted, its command is unavailable, and that is reported once', async () => {
    let fetch = untilLeft
    const { emaki, bill, reported } = await openBills((...given) => fetch(...given))
    const pay = () => emaki.send(bill.pay('b1', { cents: 5 }), { deadlineMs: 1 })
    for (let times = 0; times < 2; times++) expect(await pay()).toMatchObject({ outcome: 'unavailable' })
    expect(reported.map(({ code, fields }) => [code, fields?.['command']])).toEqual([['retry-began', 'bill.pay']])
    fetch = twofold
    expect(await emaki.send(bill.pay('b1', { cents: 5 }))).toMatchObject(paid(10))
    expect(reported.map(({ code }) => code)).toEqual(['retry-began', 'retry-ended'])
  })

  test('a preparation that ignores its signal does not keep its command waiting, and has no effect when it ends', async () => {
    const late = Promise.withResolvers<{ rate: number }>()
    const { emaki, bill } = await openBills(() => late.promise)
    expect(await emaki.send(bill.pay('b1', { cents: 5 }), { deadlineMs: 1 })).toMatchObject({ outcome: 'unavailable' })
    late.resolve({ rate: 2 })
    await late.promise
    expect(await emaki.state('bill', 'b1')).toBeNull()
  })

  test('a caller who leaves ends the preparation, which is no failure', async () => {
    const { emaki, bill, reported } = await openBills(untilLeft)
    const caller = new AbortController()
    const sent = emaki.send(bill.pay('b1', { cents: 5 }), { signal: caller.signal })
    caller.abort()
    expect(await sent).toMatchObject({ outcome: 'unavailable' })
    expect(await emaki.send(bill.pay('b1', { cents: 5 }), { signal: caller.signal })).toMatchObject({ outcome: 'unavailable' })
    expect(reported).toEqual([])
  })

  test('commands whose preparations are running count as waiting ones, so that they are bounded', async () => {
    const gate = Promise.withResolvers<{ rate: number }>()
    const { emaki, bill } = await openBills(() => gate.promise, { queue: { commands: 2 } })
    const sent = [1, 2, 3].map(cents => emaki.send(bill.pay('b1', { cents })))
    expect(await sent[2]).toMatchObject({ outcome: 'unavailable' })
    gate.resolve({ rate: 2 })
    expect(await Promise.all(sent.slice(0, 2))).toMatchObject([paid(2), paid(4)])
  })

  test('a preparation is a step of the trace of its command, before the decision', async () => {
    const steps: unknown[] = []
    const trace: Trace = {
      isRecording: true,
      current: () => ({ traceparent: 'here' }),
      step: (name, parents, attributes, run) => {
        if (/prepare|decide/.test(name)) steps.push([name, parents, attributes])
        return run()
      },
    }
    const { emaki, bill } = await openBills(twofold, { trace })
    await emaki.send(bill.pay('b1', { cents: 5 }))
    const [parents, attributes] = [[{ traceparent: 'here' }], { 'emaki.command': 'bill.pay' }]
    expect(steps).toEqual([
      ['prepare', parents, attributes],
      ['decide', parents, attributes],
    ])
  })

  test('a decision in a test gets what the test says was fetched', () => {
    const bill = billOf(twofold)
    expect(decide(bill, {}, bill.pay('b1', { cents: 5 }), { prepared: { rate: 4 } })).toMatchObject(paid(20))
    expect(decide(bill, {}, bill.close('b1', {}))).toMatchObject({ outcome: 'accepted' })
  })

  test('a preparation of no command, or that is no function, is refused where the decider is made', () => {
    const make = (prepare: object) => () =>
      decider(Bill, {
        ...{ initial: {}, evolve: { Paid: (s: object) => s, Closed: (s: object) => s } },
        ...{ commands: { close: None }, decide: { close: () => [] } },
        prepare: prepare as { close: () => Promise<null> },
      })
    expect(make({ open: twofold })).toThrow('bill: prepare names open; there are close')
    expect(make({ close: 3 })).toThrow('bill: prepare: close is no function')
  })
})
