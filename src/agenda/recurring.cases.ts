// A schedule that rings a bell, and what each kind of store has to do with it.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { every, type Recurrence } from '../definitions/recurrence.ts'
import { schedule } from '../definitions/schedule.ts'
import type { Store } from '../ports/store/store.ts'
import { runtime } from '../runtime.ts'
import { until } from '../test-support/servers/until.ts'

const Rung = z.object({ at: z.string(), by: z.string() })
const Bells = events('bell', { Rung })
export const bell = decider(Bells, {
  initial: {},
  evolve: { Rung: state => state },
  commands: { ring: z.object({ at: z.string() }), break: z.object({}) },
  internal: ['ring'],
  decide: {
    ring: (_, { at }, { actor }) => Bells.Rung({ at, by: String(actor) }),
    break: () => reject('too-strong'),
  },
})
export const daily = every('0 3 * * *', { zone: 'Europe/Berlin' })
export const ringing = (times: Recurrence = daily, missed: 'last' | 'none' = 'last') =>
  schedule('ringing', { every: times, to: bell, missed, send: at => bell.ring('b1', { at }) })

/** No node takes over from another that is slow. */
export const LEASE_MS = 3_600_000

/** The times at which the bell rang. */
export async function rungAt(store: Pick<Store, 'read'>): Promise<readonly string[]> {
  const rung = await store.read('bell-b1', { after: 0, limit: 100 })
  return rung.map(({ data }) => (JSON.parse(data) as { at: string }).at)
}

/** A store, and what moves its time ahead. */
type TestedStore = { readonly store: Store; readonly advance: (ms: number) => Promise<unknown> }

export function testSchedule(name: string, make: () => Promise<TestedStore>): void {
  test(`a schedule on ${name} sends a time once, and sets the next one`, async () => {
    const { store, advance } = await make()
    const emaki = await runtime({ serve: [bell, ringing()], store, leaseMs: LEASE_MS })
    const find = () => store.agenda.find('schedule_ringing')
    await until('it is set', async () => (await find()) !== null)
    await advance(25 * 3_600_000)
    emaki.pollAgenda()
    await until('it rings', async () => (await rungAt(store)).length === 1)
    expect(await find()).toMatchObject({ set: 2, timer: '0 3 * * * Europe/Berlin', command: null })
    await until('its command is done', async () => (await store.agenda.count())[0]?.pending === 1)
    await emaki.close()
  })
}
