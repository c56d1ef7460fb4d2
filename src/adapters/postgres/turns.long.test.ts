import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Store } from '../../ports/store/store.ts'
import { type TestSchema, testSchema } from '../../test-support/schema.ts'
import { until } from '../../test-support/servers/until.ts'
import { postgres } from './store.ts'

let at: TestSchema
let stores: readonly [Store, Store]
beforeAll(async () => {
  at = await testSchema()
  stores = [postgres(at.url, { schema: at.schema }), postgres(at.url, { schema: at.schema, pooler: true })]
  await stores[0].open()
  await stores[1].open()
})
afterAll(async () => {
  await Promise.all(stores.map(store => store.close()))
  await at.drop()
})

/** How many sessions wait for a turn on a stream of this log. */
async function countWaiting(stream: string): Promise<number> {
  const [found] = await at.sql<{ waiting: number }[]>`
    select count(*)::int as waiting from pg_locks
    where locktype = 'advisory' and not granted and objsubid = 2
      and classid::bigint = hashtext(${at.schema})::bigint & 4294967295 and objid::bigint = hashtext(${stream})::bigint & 4294967295`
  return found!.waiting
}

test('turns on a stream come one after the other, first come, first served, whichever process asks', async () => {
  const other = postgres(at.url, { schema: at.schema })
  await other.open()
  const order: string[] = []
  const end = await stores[0].takeTurn!('order-1')
  const waiting: Promise<void>[] = []
  for (const [i, store] of [other, stores[0], other].entries()) {
    waiting.push(
      store.takeTurn!('order-1').then(end => {
        order.push(`turn ${i}`)
        end!()
      }),
    )
    // On a machine so slow that the server has ended a turn meanwhile, fewer wait.
    await until('the next one waits', async () => order.length + (await countWaiting('order-1')) >= i + 1)
  }
  // Another stream has turns of its own, and an append needs none.
  ;(await other.takeTurn!('order-2'))!()
  const event = { id: Bun.randomUUIDv7(), type: 'T', schema: 's', data: '{}', meta: '{}' }
  expect(await other.append([{ slices: [{ stream: 'order-1', expect: 0, events: [event] }], keys: [] }])).toMatchObject([
    { outcome: 'appended' },
  ])
  end!()
  await Promise.all(waiting)
  expect(order).toEqual(['turn 0', 'turn 1', 'turn 2'])
  await other.close()
})

test('a fifth turn of one process is refused, as is each turn behind a pooler and of a store that is closed', async () => {
  const ends = await Promise.all(['a', 'b', 'c', 'd'].map(name => stores[0].takeTurn!(`order-${name}`)))
  expect(await stores[0].takeTurn!('order-e')).toBeNull()
  for (const end of ends) end!()
  const closed = postgres(at.url, { schema: at.schema })
  for (const store of [stores[1], closed]) expect(await store.takeTurn!('order-a')).toBeNull()
})

test('a turn of a session that ends is over, and the process that had it ends it without harm', async () => {
  const store = postgres(at.url, { schema: at.schema })
  await store.open()
  const end = await store.takeTurn!('order-3')
  const next = store.takeTurn!('order-3')
  await until('the other one waits', async () => Bun.peek.status(next) !== 'pending' || (await countWaiting('order-3')) === 1)
  await at.sql`
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and granted and objsubid = 2 and objid::bigint = hashtext('order-3')::bigint & 4294967295`
  ;(await next)!()
  end!()
  ;(await store.takeTurn!('order-3'))!()
  await store.close()
})
