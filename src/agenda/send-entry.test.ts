// What a process is told can be appended, whatever a decision refuses and whatever the command holds.
import { expect, test } from 'bun:test'
import { spec } from '../definitions/event/events.ts'
import { PAYLOAD_LENGTH_MAX } from '../definitions/event/payload.ts'
import type { CommandAnswered } from '../definitions/process/process-events.ts'
import type { Command } from '../definitions/decider/command.ts'
import { reject } from '../definitions/decider/reject.ts'
import type { Outcome } from '../dispatch/outcome.ts'
import { memory } from '../ports/store/memory.ts'
import { Notice } from '../ports/report/notice.ts'
import { untraced } from '../ports/trace/trace.ts'
import { startServices } from '../runtime.ts'
import { fulfilment, order, shop } from '../test-support/fulfilment.ts'
import { SentTooEarly } from '../definitions/decider/sent-too-early.ts'
import { TraceReach } from './trace-reach.ts'
import { ATTEMPTS_MAX, entrySender, TOO_EARLY_MS_MAX } from './send-entry.ts'

/** Sends a command whose outcome is given, in its last attempt. Gives what the process is told, and what is reported. */
async function tell(command: Command, outcome: () => Outcome, { key = 'o1', waitedMs = 0 } = {}) {
  const emaki = await startServices({ serve: shop, store: memory() })
  const reported: unknown[] = []
  const send = async () => outcome()
  const sendDue = entrySender(fulfilment[spec], {
    send,
    append: emaki.append,
    trace: untraced,
    reach: new TraceReach(),
    report: one => reported.push(one),
  })
  const meta = JSON.stringify({ correlation: 'c', causation: 'c' })
  await sendDue({ id: 'fulfilment:o1:1:0', key, timer: null, command, meta, set: 1 }, ATTEMPTS_MAX, waitedMs)
  const [told] = await emaki.store.read(`fulfilment-${key}`, { after: 0, limit: 1 })
  await emaki.close()
  return { type: told!.type, data: JSON.parse(told!.data) as CommandAnswered, reported }
}

const cancel = order.cancel('o1', { reason: 'late' })
const by = 'fulfilment:o1:1:0'
const nest = (depth: number): unknown => (depth === 0 ? 1 : [nest(depth - 1)])

test('a process is told a refusal with its data', async () => {
  const { type, data, reported } = await tell(cancel, () => ({ outcome: 'rejected', code: 'no', data: { left: 3 } }))
  expect([type, data, reported]).toEqual(['Rejected', { by, command: cancel, code: 'no', data: { left: 3 } }, []])
})

test('a process is told a refusal for an instance that an older release could make, and this one could not', async () => {
  expect(await tell(cancel, () => ({ outcome: 'rejected', code: 'no' }), { key: '..' })).toMatchObject({ type: 'Rejected' })
})

test('a process is told a refusal whose data is too large without the data, which is said and reported', async () => {
  const { type, data, reported } = await tell(cancel, () => ({ outcome: 'rejected', code: 'no', data: ['x'.repeat(900_000)] }))
  expect([type, data]).toEqual(['Rejected', { by, command: cancel, code: 'no', cut: 'data' }])
  expect(reported).toEqual([expect.any(Notice)])
  expect(reported).toMatchObject([{ level: 'warn', code: 'answer-cut', fields: { process: 'fulfilment', key: 'o1' } }])
})

test('a process is told a failure whose text is too long, or is no text, with its beginning', async () => {
  const { type, data } = await tell(cancel, () => {
    throw new Error(`\ud800${'\0'.repeat(3_000_000)}`)
  })
  expect([type, data.cut]).toEqual(['Failed', 'data'])
  expect(data.data).toStartWith('Error: \ufffd\0\0')
})

test.each<[string, Command, unknown]>([
  ['too deep data', cancel, nest(64)],
  ['too long a command', order.cancel('o1', { reason: 'x'.repeat(PAYLOAD_LENGTH_MAX) }), { left: 3 }],
  ['a command of a lone surrogate', order.cancel('o1', { reason: '\ud800' }), { left: 3 }],
])('a process is told a refusal although an event cannot hold it because of %s', async (_, command, details) => {
  const { type, data, reported } = await tell(command, () => ({ outcome: 'rejected', code: 'no', data: details }))
  const isCommandCut = command !== cancel
  const told = isCommandCut ? { ...command, data: null } : command
  expect([type, data]).toEqual(['Rejected', { by, command: told, code: 'no', cut: isCommandCut ? 'command' : 'data' }])
  expect(reported).toMatchObject([{ code: 'answer-cut', fields: { command: 'order.cancel', answer: 'no' } }])
})

test('a process is told that its command failed where the data of the refusal is no JSON', async () => {
  const { type, data } = await tell(cancel, () => ({ outcome: 'rejected', ...reject('no', { at: new Date(0) } as never) }))
  expect([type, data]).toEqual([
    'Failed',
    { by, command: cancel, code: 'failed', data: 'PayloadError: /data/at: Date is no JSON' },
  ])
})

test('a process is not told that its command came too early for a day, and then that it was refused', async () => {
  const early = () => ({ outcome: 'later', code: 'not-yet', data: { left: 3 }, retryAfterMs: 60_000 }) as const
  const waits = tell(cancel, early, { waitedMs: TOO_EARLY_MS_MAX - 1 })
  await expect(waits).rejects.toEqual(new SentTooEarly(cancel, 'not-yet', 60_000))
  const { type, data } = await tell(cancel, early, { waitedMs: TOO_EARLY_MS_MAX })
  expect([type, data]).toEqual(['Rejected', { by, command: cancel, code: 'not-yet', data: { left: 3 } }])
})
