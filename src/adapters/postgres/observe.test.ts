import { expect, test } from 'bun:test'
import { Metrics } from '../../metrics/registry.ts'
import { appendUnit, newEvent, unit } from '../../ports/store/contract/builders.ts'
import { holdLock } from '../../test-support/hold-lock.ts'
import { testSchema } from '../../test-support/schema.ts'
import { seriesOf } from '../../test-support/series.ts'
import { until } from '../../test-support/servers/until.ts'
import { postgres } from './store.ts'

test('a log in PostgreSQL says how large it is, who uses its connections, and whether LISTEN works, while it is open', async () => {
  const at = await testSchema()
  const metrics = new Metrics()
  const store = postgres(at.url, { schema: at.schema, readers: 3 })
  store.measureWith?.(metrics)
  expect(await seriesOf(metrics, 'emaki.store.size')).toEqual({})
  await store.open()
  try {
    const { tables, indexes } = await seriesOf(metrics, 'emaki.store.size')
    expect(tables).toBeGreaterThan(0)
    expect(indexes).toBeGreaterThan(0)
    await store.head()
    expect(await seriesOf(metrics, 'db.client.connection.count')).toMatchObject({ 'reader idle': 3, 'reader used': 0 })
    expect((await seriesOf(metrics, 'db.client.connection.wait_time'))['reader']).toBeGreaterThan(0)
    expect(await seriesOf(metrics, 'emaki.store.listening')).toEqual({})
    const end = await store.watch(() => {})
    await until('LISTEN works', async () => (await seriesOf(metrics, 'emaki.store.listening'))[''] === 1)
    await end()
    expect(await seriesOf(metrics, 'emaki.store.listening')).toEqual({})
  } finally {
    await store.close()
    await at.drop()
  }
  expect(await seriesOf(metrics, 'db.client.connection.count')).toEqual({})
  expect(await seriesOf(metrics, 'emaki.telemetry.failures')).toEqual({})
})

test('an append says how long it waited for the lock that another one had', async () => {
  const at = await testSchema()
  const metrics = new Metrics()
  const store = postgres(at.url, { schema: at.schema })
  store.measureWith?.(metrics)
  await store.open()
  try {
    const lockTime = metrics.histogram('emaki.append.lock.time')
    const append = () => appendUnit(store, unit('a-1', 'any', [newEvent(1)]))
    await append()
    const free = lockTime.sum
    const letGo = await holdLock(at.sql, `select pg_advisory_xact_lock(${at.schema}.lock_key_v1())`)
    const appended = append()
    const now = async () => Number((await at.sql`select date_part('epoch', clock_timestamp()) as at`)[0]!['at'])
    await until('the append waits', async () => {
      const [found] = await at.sql`select count(*)::int as many from pg_stat_activity
        where wait_event = 'advisory' and query like ${`%${at.schema}.append_v4%`}`
      return found!['many'] === 1
    })
    const since = await now()
    const least = (await now()) - since
    await letGo()
    await appended
    expect(lockTime.sum - free).toBeGreaterThanOrEqual(least)
    expect(await seriesOf(metrics, 'emaki.append.lock.time')).toEqual({ '': 2 })
  } finally {
    await store.close()
    await at.drop()
  }
})
