// Random commands from two processes, with faults and foreign writes in between; in the end the log is what was acknowledged.
// MODEL_SEED repeats a run; a failure prints its seed and the shortest way to it.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { memory } from '../ports/store/memory.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { type Expectation, isMet } from '../ports/store/unit.ts'
import { account } from '../test-support/account.ts'
import { openBank, appendAsOther, range } from '../test-support/bank.ts'
import { comesAfter, type Fault, failsAfter, failsBefore } from '../test-support/failing-store.ts'
import { shareTurns } from '../test-support/shared-turns.ts'
import type { Outcome } from './outcome.ts'
import type { Runtime } from '../runtime.ts'

const SPREAD = 20
const SEED = process.env['MODEL_SEED']
const PROCESSES = 2

const stream = fc.nat(2).map(n => `s${n}`)
const process_ = fc.nat(PROCESSES - 1)
const send = fc.record({
  step: fc.constant('send' as const),
  process: process_,
  stream,
  command: fc.constantFrom('deposit', 'deposit', 'withdraw', 'withdraw', 'touch', 'spoil', 'explode'),
  cents: fc.integer({ min: 1, max: 4 }),
  times: fc.integer({ min: 1, max: 3 }),
  expect: fc.option(fc.oneof(fc.nat(6), fc.constant('exists' as const))),
  key: fc.option(fc.nat(3)),
  hurried: fc.nat(9).map(n => n === 0),
})
type Send = typeof send extends fc.Arbitrary<infer T> ? T : never
const fault = fc.record({
  step: fc.constant('fault' as const),
  process: process_,
  call: fc.constantFrom('append' as const, 'append' as const, 'load' as const, 'read' as const),
  kind: fc.constantFrom('unavailable', 'full', 'unknown', 'after', 'late', 'foreign', 'refused'),
  stream,
})
const others = [
  fc.record({ step: fc.constant('foreign' as const), stream }),
  fc.record({ step: fc.constant('state' as const), process: process_, stream }),
  fc.record({ step: fc.constant('wait' as const), turns: fc.nat(12) }),
]
const steps = fc.array(fc.oneof({ weight: 8, arbitrary: send }, { weight: 3, arbitrary: fault }, ...others), {
  maxLength: 60,
  size: 'max',
})
type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never

/** A command that was sent, and the stream's version when it was sent and when it was answered. */
type SentStep = Send & { readonly note: string; readonly floor: number; ceiling: number; outcome: Outcome | 'thrown' }

export function testModel(runs: number): void {
  test('the log is the fold of all acknowledged outcomes', async () => {
    const seed = Number(SEED ?? Math.trunc(Math.random() * 2 ** 31))
    // Runs wait for appends that are said again, so they are spread over workers, each with a seed of its own.
    const spread = SEED === undefined ? SPREAD : 1
    const check = (worker: number) =>
      fc.assert(fc.asyncProperty(steps, fc.infiniteStream(fc.nat(3)), fc.boolean(), run), {
        numRuns: Math.ceil(runs / spread),
        seed: seed + worker,
      })
    await Promise.all(range(spread).map(check))
  }, 3_600_000)
}

/** `isUsedToNew`: every process has seen new streams only so far, and keeps a single state. Otherwise they take turns. */
async function run(steps: Steps, delays: Iterator<number>, isUsedToNew: boolean): Promise<void> {
  const log = memory()
  const delayed = delayStore(log, () => delays.next().value as number)
  const slowLog = isUsedToNew ? delayed : shareTurns(delayed).log
  const processes = await Promise.all(
    range(PROCESSES).map(() => openBank({ log: slowLog, report: () => {}, ...(isUsedToNew && { states: { entries: 1 } }) })),
  )
  if (isUsedToNew) await Promise.all(processes.map(({ emaki }, i) => seesNewStreams(emaki, i)))
  const late: (() => Promise<unknown>)[] = []
  const pending: Promise<SentStep>[] = []
  const views: Promise<() => Promise<void>>[] = []
  for (const [index, step] of steps.entries()) {
    if (step.step === 'wait') for (const _ of range(step.turns)) await nextTurn()
    else if (step.step === 'foreign') await appendAsOther(processes[0]!.store, `account-${step.stream}`)
    else if (step.step === 'state') views.push(viewState(log, processes[step.process]!.emaki, step.stream))
    else if (step.step === 'fault') {
      const { store } = processes[step.process]!
      store.next(
        step.call,
        faultOf(step.kind, () => appendAsOther(store, `account-${step.stream}`), late),
      )
    } else pending.push(sendStep(log, processes[step.process]!.emaki, step, index))
  }
  const commands = await Promise.all(pending)
  const checks = await Promise.all(views)
  await Promise.all(processes.map(({ emaki }) => emaki.close()))
  for (const append of late) await append()
  await judge(log, commands)
  for (const check of checks) await check()
}

async function seesNewStreams(emaki: Runtime, process: number): Promise<void> {
  const orders = range(25).flatMap(i => [
    account.deposit(`d${process}${i}`, { cents: 1 }),
    account.withdraw(`w${process}${i}`, { cents: 1 }),
    account.touch(`t${process}${i}`, {}),
  ])
  await Promise.all(orders.map(order => emaki.send(order)))
}

function faultOf(kind: string, write: () => Promise<unknown>, late: (() => Promise<unknown>)[]): Fault {
  if (kind === 'foreign') return comesAfter(write)
  if (kind === 'after') return failsAfter()
  if (kind !== 'late') return failsBefore(kind as 'unavailable')
  return call => {
    late.push(call)
    return failsBefore('unknown')(call)
  }
}

/** A keyed command says the same each time its key is used for the same command and stream. */
async function sendStep(log: Store, emaki: Runtime, step: Send, index: number): Promise<SentStep> {
  const { key, command, stream, hurried } = step
  const note = key === null ? `n${index}` : `k${key} ${command} ${stream}`
  const cents = key === null ? step.cents : 2
  const times = key === null ? step.times : 2
  const data = { cents, note: command === 'spoil' ? '\ud800' : note }
  const order = {
    deposit: () => account.deposit(stream, { ...data, times }),
    spoil: () => account.deposit(stream, { ...data, times }),
    withdraw: () => account.withdraw(stream, data),
    touch: () => account.touch(stream, {}),
    explode: () => account.explode(stream, {}),
  }[command]!()
  const committed: SentStep = { ...step, cents, times, note, floor: versionOf(log, stream), ceiling: 0, outcome: 'thrown' }
  await emaki
    .send(order, {
      ...(step.expect !== null && { expect: step.expect }),
      ...(key !== null && { key: `${key} ${stream}` }),
      ...(hurried && { deadlineMs: 3 }),
    })
    .then(
      outcome => {
        committed.outcome = outcome
      },
      () => {},
    )
  committed.ceiling = versionOf(log, stream)
  return committed
}

/** Asks for a state; gives what to check of the answer once the log is whole. */
async function viewState(log: Store, emaki: Runtime, id: string): Promise<() => Promise<void>> {
  const floor = versionOf(log, id)
  const found = await emaki.state('account', id).catch(() => undefined)
  const ceiling = versionOf(log, id)
  return async () => {
    if (found === undefined) return
    const { version, state } = found ?? { version: 0, state: { balance: 0, version: 0 } }
    expect(version).toBeWithin(floor, ceiling + 1)
    expect(state).toEqual({ balance: balanceAt(await eventsOf(log, id), version), version })
  }
}

async function judge(log: Store, commands: readonly SentStep[]): Promise<void> {
  for (const id of new Set(commands.map(({ stream }) => stream))) {
    const events = await eventsOf(log, id)
    const mine = commands.filter(({ stream }) => stream === id)
    for (const version of events.keys()) expect(balanceAt(events, version + 1)).toBeGreaterThanOrEqual(0)
    for (const command of mine) judgeOne(events, command)
    const said = Map.groupBy(mine, ({ note }) => note)
    for (const { note } of events.map(dataOf)) expect(note === 'foreign' || said.has(note)).toBeTrue()
    for (const [note, same] of said) judgeEffect(events, note, same)
  }
}

/** Each outcome is true of the log, between the moment its command was sent and the moment it was answered. */
function judgeOne(
  events: readonly StoredEvent[],
  { outcome, note, floor, ceiling, cents, expect: expected, key, command }: SentStep,
): void {
  if (outcome === 'thrown') return
  const replayed = 'replayed' in outcome
  if (outcome.outcome === 'accepted') {
    const { version, events: committed } = outcome
    const written = events.slice(version - committed.length, version)
    expect(written.map(event => ({ type: event.type, data: dataOf(event) }))).toEqual(
      committed.map(({ type, data }) => ({ type, data: data as ReturnType<typeof dataOf> })),
    )
    expect(committed.every(({ data }) => (data as { note: string }).note === note)).toBeTrue()
    expect(outcome.position).toBe(events[version - 1]?.position ?? 0)
    if (replayed) return
    expect(version - committed.length).toBeGreaterThanOrEqual(floor)
    expect(version).toBeLessThanOrEqual(ceiling)
    if (expected !== null) expect(isMet(expected as Expectation, version - committed.length)).toBeTrue()
  } else if (outcome.outcome === 'rejected' && outcome.code === 'insufficient') {
    const { balance, version } = outcome.data as { balance: number; version: number }
    expect(command).toBe('withdraw')
    expect(balance).toBe(balanceAt(events, version))
    expect(balance).toBeLessThan(cents)
    if (!replayed) expect(version).toBeWithin(floor, ceiling + 1)
  } else if (outcome.outcome === 'conflict') {
    expect(expected).not.toBeNull()
    expect(isMet(expected as Expectation, outcome.actual)).toBeFalse()
    expect(outcome.actual).toBeWithin(floor, ceiling + 1)
  } else if (outcome.outcome === 'rejected') {
    expect(key).not.toBeNull()
  }
}

/** What was accepted is in the log once, what may have been at most once, everything else not at all. */
function judgeEffect(events: readonly StoredEvent[], note: string, same: readonly SentStep[]): void {
  const times = same[0]!.command === 'deposit' ? same[0]!.times : 1
  const found = events.filter(event => dataOf(event).note === note).length
  const outcomes = same.map(({ outcome }) => (outcome === 'thrown' ? outcome : outcome.outcome))
  const writes = ['deposit', 'withdraw'].includes(same[0]!.command)
  if (outcomes.includes('accepted') && writes) expect(found).toBe(times)
  else if (outcomes.includes('unknown') && writes) expect([0, times]).toContain(found)
  else expect(found).toBe(0)
  const accepted = same.flatMap(({ outcome }) => (outcome !== 'thrown' && outcome.outcome === 'accepted' ? [outcome] : []))
  expect(new Set(accepted.map(({ version, position }) => `${version} ${position}`)).size).toBeLessThanOrEqual(1)
}

function balanceAt(events: readonly StoredEvent[], version: number): number {
  return events.slice(0, version).reduce((sum, event) => sum + (event.type === 'Deposited' ? 1 : -1) * dataOf(event).cents, 0)
}

const dataOf = ({ data }: StoredEvent) => JSON.parse(data) as { cents: number; note: string }
const eventsOf = (log: Store, id: string) => log.read(`account-${id}`, { after: 0, limit: 10_000 })

/** What the log says at this moment: memory answers at once. */
function versionOf(log: Store, id: string): number {
  const answer = Bun.peek(log.load([{ stream: `account-${id}`, after: Number.MAX_SAFE_INTEGER }], []))
  return (answer as Awaited<typeof answer>).streams[0]!.version
}

const nextTurn = () => new Promise(resolve => setImmediate(resolve))

/** A store that takes some turns of the loop before and after each call takes effect. */
function delayStore(store: Store, turns: () => number): Store {
  const callSlowly = async <T>(call: () => Promise<T>): Promise<T> => {
    for (const _ of range(turns())) await nextTurn()
    const answer = await call()
    for (const _ of range(turns())) await nextTurn()
    return answer
  }
  return {
    ...store,
    append: units => callSlowly(() => store.append(units)),
    load: (wanted, keys) => callSlowly(() => store.load(wanted, keys)),
    read: (stream, options) => callSlowly(() => store.read(stream, options)),
  }
}
