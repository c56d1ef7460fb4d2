// Several nodes serve one schedule over one database, while its times come fast: each is sent once.
import { expect } from 'bun:test'
import { z } from 'zod'
import { race } from '../../adapters/postgres/races/form.ts'
import { eventually } from '../../adapters/postgres/races/patience.ts'
import { postgres } from '../../adapters/postgres/store.ts'
import { decider } from '../../definitions/decider/decider.ts'
import { events } from '../../definitions/event/events.ts'
import { every } from '../../definitions/recurrence.ts'
import { schedule } from '../../definitions/schedule.ts'
import { runtime } from '../../runtime.ts'
import { onPostgres, SCHEMA } from '../../subscription/races/places.ts'

const NODES = 4
const TIMES = 20
const LEASE_MS = 200

const Rung = z.object({ at: z.string() })
const Bells = events('bell', { Rung })
const bell = decider(Bells, {
  initial: {},
  evolve: { Rung: state => state },
  commands: { ring: Rung },
  decide: { ring: (_, data) => Bells.Rung(data) },
})
const ringing = schedule('ringing', {
  every: every('* * * * *', { zone: 'Europe/Berlin' }),
  to: bell,
  send: at => bell.ring('b1', { at }),
})

race('a schedule of four nodes, one of which ends now and then, sends each of its times once', async () => {
  const place = await onPostgres()
  const start = () =>
    runtime({ serve: [bell, ringing], store: postgres(place.url, { migrate: false }), leaseMs: LEASE_MS, report: () => {} })
  const nodes = await Promise.all(Array.from({ length: NODES }, start))
  const entry = async () =>
    (
      await place.sql.unsafe<{ set: number }[]>(
        `select at_position::int as set from ${SCHEMA}.agenda where id = 'schedule_ringing'`,
      )
    )[0]
  for (let time = 1; time <= TIMES; time++) {
    await eventually('its time is set', async () => (await entry())?.set === time)
    // The database's time is its own: what is stored is made due.
    await place.sql.unsafe(`update ${SCHEMA}.agenda set due = clock_timestamp() where id = 'schedule_ringing'`)
    for (const node of nodes) node.pollAgenda()
    if (time % 5 === 0) {
      await nodes.shift()!.close()
      nodes.push(await start())
    }
  }
  await eventually('all are sent', async () => (await place.log()).length === TIMES)
  await Promise.all(nodes.map(node => node.close()))
  const rung = (await place.log()).map(({ data }) => data)
  expect(rung.length).toBe(TIMES)
  expect(new Set(rung).size).toBe(TIMES)
  await place.close()
})
