// Who a command is from, for a decision and in the log: a caller, or a part of Emaki and the caller behind it.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events } from '../definitions/event/events.ts'
import { processManager } from '../definitions/process/process.ts'
import { saga } from '../definitions/process/saga.ts'
import { after } from '../definitions/process/timer.ts'
import { processor } from '../definitions/processor.ts'
import { inbox } from '../dispatch/inbox.ts'
import { memory } from '../ports/store/memory.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { until } from '../test-support/servers/until.ts'

const None = z.object({})
const Step = z.object({ step: z.string() })
const Seen = Step.extend({ actor: z.string().nullable(), initiator: z.string().nullable() })
const Sight = events('sight', { Asked: None, Seen })
/** Writes down who asks it to see. */
const sight = decider(Sight, {
  initial: {},
  evolve: { Asked: state => state, Seen: state => state },
  commands: { ask: None, see: Step },
  internal: ['see'],
  decide: {
    ask: () => Sight.Asked({}),
    see: (_, { step }, { actor, initiator }) => Sight.Seen({ step, actor, initiator }),
  },
})
const watch = processManager('watch', {
  from: Sight,
  to: sight,
  begins: 'Asked',
  initial: {},
  evolve: {},
  react: {
    Asked: (_, __, { instance: id }) => [
      sight.see(id, { step: 'at once' }),
      after('1 minute', 'later', sight.see(id, { step: 'by a timer' })),
    ],
  },
  on: { rejected: () => [] },
})
const journey = saga('journey', {
  from: Sight,
  to: sight,
  begins: { Asked: () => ({}) },
  steps: [{ run: (_, id) => sight.see(id, { step: 'of a saga' }) }, { run: (_, id) => sight.see(id, { step: 'its next' }) }],
})
const mails = processor('mails', {
  from: Sight,
  types: ['Asked'],
  handle: async (asked, { send }) => {
    for (const event of asked) await send(event, sight.see(event.instance, { step: 'of a mail' }))
  },
})

let skippedMs = 0
const running: Runtime[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})
async function start(): Promise<Runtime> {
  const emaki = await runtime({ serve: [sight, watch, journey, mails], store: memory({ now: () => Date.now() + skippedMs }) })
  running.push(emaki)
  return emaki
}
const readStream = (emaki: Runtime, stream: string) => emaki.store.read(stream, { after: 0, limit: 100 })
/** What each step was decided with, and what its event says, once all five are in the log. */
async function seenBy(emaki: Runtime, id: string) {
  const find = async () => (await readStream(emaki, `sight-${id}`)).filter(({ type }) => type === 'Seen')
  await until('the timer is set', async () => (await emaki.store.agenda.list({ timers: true, limit: 9 })).length === 1)
  skippedMs += 61_000
  emaki.pollAgenda()
  await until('all steps were seen', async () => (await find()).length === 5)
  const all = (await find()).map(({ data, meta }) => {
    const { step, ...context } = JSON.parse(data) as z.output<typeof Seen>
    const { actor, initiator = null } = JSON.parse(meta) as Record<string, string>
    return [step, { ...context, meta: { actor, initiator } }] as const
  })
  return Object.fromEntries(all)
}
const from = (actor: string, initiator: string | null) => ({ actor, initiator, meta: { actor, initiator } }) as const

describe('a command that Emaki sends', () => {
  test.each(['ada', null])(
    'a command that Emaki sends after a command of %p has its sender as its actor, and that caller as its initiator',
    async caller => {
      const emaki = await start()
      await emaki.send(sight.ask('s1', {}), caller === null ? {} : { actor: caller })
      expect(await seenBy(emaki, 's1')).toEqual({
        'at once': from('process:watch', caller),
        'by a timer': from('process:watch', caller),
        'of a saga': from('process:journey', caller),
        'its next': from('process:journey', caller),
        'of a mail': from('processor:mails', caller),
      } as never)
      const [due] = await readStream(emaki, 'watch-s1')
      expect(JSON.parse(due!.meta)).toMatchObject({ actor: 'process:watch', ...(caller !== null && { initiator: caller }) })
    },
  )

  test('a command of an inbox has the inbox as its actor, or the one that its caller names', async () => {
    const emaki = await start()
    const letters = inbox('letters', { message: z.looseObject({}), command: () => sight.see('s1', { step: '' }) })
    await letters.take(emaki, { id: '1' })
    await letters.take(emaki, { id: '2' }, { actor: 'bank' })
    const seen = (await readStream(emaki, 'sight-s1')).map(({ data }) => JSON.parse(data) as object)
    expect(seen).toMatchObject([
      { actor: 'inbox:letters', initiator: null },
      { actor: 'bank', initiator: 'bank' },
    ])
  })
})

describe('a command that code sends', () => {
  test('a command that code sends has the actor and the initiator that the code names', async () => {
    const emaki = await start()
    for (const options of [{}, { actor: 'ada' }, { actor: 'robot', initiator: 'ada' }])
      await emaki.send(sight.see('s1', { step: '' }), options)
    const seen = (await readStream(emaki, 'sight-s1')).map(({ data }) => JSON.parse(data) as object)
    expect(seen).toMatchObject([
      { actor: null, initiator: null },
      { actor: 'ada', initiator: 'ada' },
      { actor: 'robot', initiator: 'ada' },
    ])
  })
})
