import { expect, test } from 'bun:test'
import { Metrics } from '../../metrics/registry.ts'
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
