// A log that is moved to another database: nothing is done twice, and what was not done yet is done.
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events } from '../definitions/event/events.ts'
import { processManager } from '../definitions/process/process.ts'
import { after } from '../definitions/process/timer.ts'
import { processor } from '../definitions/processor.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { runtime } from '../runtime.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { until } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'
import { exportVerb } from './export.ts'
import { importVerb } from './import.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-moving-'))
afterAll(() => rmSync(folder, { recursive: true }))

const Sale = events('sale', { Made: z.object({}) })
const sale = decider(Sale, {
  initial: {},
  evolve: { Made: state => state },
  commands: { make: z.object({}) },
  decide: { make: () => Sale.Made({}) },
})
const Charge = events('charge', { Taken: z.object({}) })
const charge = decider(Charge, {
  initial: {},
  evolve: { Taken: state => state },
  commands: { take: z.object({}), remind: z.object({}) },
  decide: { take: () => Charge.Taken({}), remind: () => Charge.Taken({}) },
})
const charging = processManager('charging', {
  from: Sale,
  to: charge,
  begins: 'Made',
  start: 'beginning',
  initial: {},
  evolve: {},
  react: { Made: (_, __, { instance }) => [charge.take(instance, {}), after('9 days', 'remind', charge.remind(instance, {}))] },
  on: { rejected: () => [] },
})

/** Serves a log until all is handled and sent. Gives who was mailed. */
async function serve(store: Store, run: (emaki: Awaited<ReturnType<typeof runtime>>) => Promise<void> = async () => {}) {
  const mailed: string[] = []
  const mails = processor('mails', { from: Sale, start: 'beginning', handle: ([event]) => mailed.push(event!.instance) })
  const emaki = await runtime({ serve: [sale, charge, charging, mails], store, report: () => {} })
  await run(emaki)
  await untilProcessed(emaki, await store.head())
  await until('all is sent', async () => (await store.agenda.list({ timers: false, limit: 1 })).length === 0)
  await emaki.close()
  return mailed
}

/** A log in which a was handled, b was not, a timer is set and a command is scheduled; and its export. */
async function exportLog(name: string): Promise<{ readonly store: Store; readonly file: string }> {
  const store = memory()
  await serve(store, async emaki => {
    await emaki.send(sale.make('a', {}), { key: 'k' })
  })
  const without = await runtime({ serve: [sale], store, report: () => {} })
  await without.send(sale.make('b', {}))
  await without.close()
  const file = join(folder, name)
  expect((await runVerb(exportVerb, { store, words: [file], values: { move: true } })).code).toBe(0)
  return { store, file }
}

const move = (store: Store, file: string, more: Readonly<Record<string, boolean>> = {}) =>
  runVerb(importVerb, { store, words: [file], values: more })
const timersOf = async ({ agenda }: Store) =>
  (await agenda.list({ timers: true, limit: 9 })).map(({ id, key, due }) => [id, key, due])

describe('a log that is moved', () => {
  test('a log that is moved has done what it had done, does the rest, and keeps its timers and keys', async () => {
    const { store: source, file } = await exportLog('whole.jsonl')
    const target = memory()
    const { code, err } = await move(target, file)
    expect([code, err]).toEqual([0, expect.stringContaining('moved with the log: checkpoints')])
    expect(await timersOf(target)).toEqual(await timersOf(source))
    const mailed = await serve(target, async emaki => {
      expect(await emaki.send(sale.make('a', {}), { key: 'k' })).toMatchObject({ outcome: 'accepted', version: 1 })
    })
    expect(mailed).toEqual(['b'])
    const streams = await target.streams({ after: '', limit: 9 })
    expect(streams.map(({ stream, version }) => [stream, version])).toEqual([
      ...['charge-a', 'charge-b', 'sale-a', 'sale-b'].map(stream => [stream, 1]),
    ])
    expect((await timersOf(target)).map(([, key]) => key)).toEqual(['a', 'b'])
  })

  test('a log that is moved a second time stays as it is, with what it has done since', async () => {
    const { file } = await exportLog('twice.jsonl')
    const target = memory()
    await move(target, file)
    expect(await serve(target)).toEqual(['b'])
    const again = await move(target, file)
    expect([again.code, again.out]).toEqual([0, 'imported 0 events; 3 were in the log already\n'])
    expect(await serve(target)).toEqual([])
  })

  test('a log that is moved goes on where its move was interrupted', async () => {
    const { file } = await exportLog('cut.jsonl')
    const target = memory()
    const killed = () => {
      throw new Error('killed')
    }
    await expect(move({ ...target, import: killed }, file)).rejects.toThrow('killed')
    // How far everybody has come is there before the events: nobody acts on a log that is not whole.
    const progress = await target.readModel.progress(['mails', 'process_charging'])
    expect(progress.map(({ position }) => position > 0)).toEqual([true, true])
    await expect(move({ ...target, agenda: { ...target.agenda, schedule: killed } }, file)).rejects.toThrow('killed')
    expect((await move(target, file)).code).toBe(0)
    expect([await target.head(), (await timersOf(target)).length, await serve(target)]).toEqual([3, 1, ['b']])
  })

  test('a log that is moved is refused by one that has events, by another form, and where its head is another', async () => {
    const { store, file } = await exportLog('other.jsonl')
    const other = memory()
    await serve(other, async emaki => void (await emaki.send(sale.make('z', {}))))
    const refused = await move(other, file)
    expect([refused.code, refused.err]).toEqual([65, expect.stringContaining('move into an empty database')])
    expect(await other.head()).toBe(2)
    const alone = await move(other, file, { 'events-only': true })
    expect([alone.code, alone.err]).toEqual([0, expect.stringContaining('they are history')])
    const lines = readFileSync(file, 'utf8').split('\n')
    writeFileSync(file, lines.with(0, lines[0]!.replace('"form":1', '"form":2')).join('\n'))
    expect((await move(memory(), file)).err).toContain('in the form 2, and this release knows 1 only')
    writeFileSync(file, lines.with(0, lines[0]!.replace(/"head":\d+/, '"head":99')).join('\n'))
    expect(await move(memory(), file)).toMatchObject({ code: 65, err: expect.stringContaining('the log ended at 99') })
    expect(await store.head()).toBe(3)
  })
})
