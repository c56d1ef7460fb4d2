import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { memoryBus } from '../ports/bus/memory.ts'
import { account, Account } from '../test-support/account.ts'
import { failsAfter } from '../test-support/failing-store.ts'
import { openBank } from '../test-support/bank.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { type Committed, pagesOf } from './committed-pages.ts'

const buildCommitted = (stream: string, first: number, count: number): Committed => ({
  stream,
  events: Array.from({ length: count }, (_, i) => ({ id: `${first + i}`, type: 'Done', schema: '', data: '{}', meta: '{}' })),
  slice: { version: count, position: count ? first + count - 1 : 0 },
  at: '2026-01-01T00:00:00.000Z',
  parents: [{ traceparent: stream }],
})

describe('published batches', () => {
  test('a batch whose events are contiguous is published as one page, in the steps of all its commands', () => {
    const [found, ...more] = pagesOf([buildCommitted('a-1', 5, 2), buildCommitted('a-2', 7, 1), buildCommitted('a-3', 0, 0)])
    expect(more).toEqual([])
    expect(found!.page.map(({ stream, position, version, id }) => [stream, position, version, id])).toEqual([
      ['a-1', 5, 1, '5'],
      ['a-1', 6, 2, '6'],
      ['a-2', 7, 1, '7'],
    ])
    expect(found!.parents).toEqual([{ traceparent: 'a-1' }, { traceparent: 'a-2' }])
  })

  test('a page of a batch is in log order and without a gap, in whatever order its units were committed', () => {
    const pieces = fc.uniqueArray(fc.nat(30), { maxLength: 12 }).chain(starts =>
      fc.shuffledSubarray(
        starts.map(start => buildCommitted(`a-${start}`, start * 3 + 1, (start % 3) + 1)),
        { minLength: starts.length },
      ),
    )
    fc.assert(
      fc.property(pieces, units => {
        const found = pagesOf(units).map(({ page }) => page.map(({ position }) => position))
        expect(found.flat()).toEqual(
          units.flatMap(({ events, slice }) => events.map((_, i) => slice.position - i)).sort((a, b) => a - b),
        )
        for (const page of found) expect(page).toEqual(page.map((_, i) => page[0]! + i))
        found.slice(1).forEach((page, i) => void expect(page[0]).toBeGreaterThan(found[i]!.at(-1)! + 1))
      }),
    )
  })
})

describe('the bus', () => {
  const listenToBus = async () => {
    const bus = memoryBus()
    const positions: number[][] = []
    bus.listen(page => void positions.push(page.map(({ position }) => position)))
    return { ...(await openBank({ bus })), positions }
  }

  test('the bus carries one page for each batch, in log order', async () => {
    const { emaki, positions } = await listenToBus()
    await Promise.all([0, 1, 2].map(i => emaki.send(account.deposit(`a${i}`, { cents: 1, times: 2 }))))
    expect(positions).toEqual([[1, 2, 3, 4, 5, 6]])
  })

  test('the bus carries a page in a step of all commands that it is for', async () => {
    const steps: unknown[] = []
    let inside: string | null = null
    const trace: Trace = {
      isRecording: true,
      current: () => ({ traceparent: `caller ${++callers}` }),
      step: (name, parents, attributes, run) => {
        if (name !== 'publish') return run()
        steps.push({ parents, attributes })
        inside = name
        const result = run()
        inside = null
        return result
      },
    }
    let callers = 0
    const bus = memoryBus()
    const active: unknown[] = []
    bus.listen(() => void active.push(inside))
    const { emaki } = await openBank({ bus, trace })
    callers = 0
    await Promise.all([0, 1].map(i => emaki.send(account.deposit(`a${i}`, { cents: 1, times: 2 }))))
    const parents = [{ traceparent: 'caller 2' }, { traceparent: 'caller 4' }]
    expect(steps).toEqual([{ parents, attributes: { 'emaki.events': 4 } }])
    expect(active).toEqual(['publish'])
  })

  test('the bus carries what was appended without a decision', async () => {
    const { emaki, positions } = await listenToBus()
    const slice = (id: string) => ({
      stream: `account-${id}`,
      expect: 0 as const,
      events: [Account.Deposited({ cents: 1, note: '' })],
    })
    expect(await emaki.append([slice('a'), slice('b')])).toMatchObject({ outcome: 'appended' })
    expect(positions).toEqual([[1, 2]])
    expect(await emaki.append([slice('a')])).toMatchObject({ outcome: 'conflict' })
    expect(positions).toEqual([[1, 2]])
  })

  test('the bus carries a batch that was sent again after an unknown outcome', async () => {
    const { emaki, store, positions } = await listenToBus()
    store.next('append', failsAfter())
    await Promise.all([0, 1].map(i => emaki.send(account.deposit(`a${i}`, { cents: 1 }))))
    expect(positions).toEqual([[1, 2]])
  })
})
