import { expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Metrics } from '../../metrics/registry.ts'
import { appendUnit, newEvent, unit } from '../../ports/store/contract/builders.ts'
import { seriesOf } from '../../test-support/series.ts'
import { sqlite } from './store.ts'

test('a log in a file says how large the file is and how much room its disk has, while it is open', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-observe-'))
  try {
    const file = join(folder, 'log.db')
    const metrics = new Metrics()
    const store = sqlite(file)
    store.measureWith?.(metrics)
    expect(await seriesOf(metrics, 'emaki.store.size')).toEqual({})
    await store.open()
    expect(await seriesOf(metrics, 'emaki.store.size')).toEqual({ file: statSync(file).size, wal: statSync(`${file}-wal`).size })
    expect((await seriesOf(metrics, 'emaki.store.free'))['']).toBeGreaterThan(0)
    await store.close()
    expect(await seriesOf(metrics, 'emaki.store.size')).toEqual({})
    expect(await seriesOf(metrics, 'emaki.telemetry.failures')).toEqual({})
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('an append to a file says how long it waited while another process wrote', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-observe-'))
  const metrics = new Metrics()
  const store = sqlite(join(folder, 'log.db'))
  store.measureWith?.(metrics)
  await store.open()
  try {
    const lockTime = metrics.histogram('emaki.append.lock.time')
    const append = () => appendUnit(store, unit('a-1', 'any', [newEvent(1)]))
    await append()
    const free = lockTime.sum
    const other = new Database(join(folder, 'log.db'))
    other.run('begin immediate')
    const appended = append()
    const since = performance.now()
    await store.head()
    const least = (performance.now() - since) / 1_000
    other.run('rollback')
    other.close()
    await appended
    expect(lockTime.sum - free).toBeGreaterThanOrEqual(least)
    expect(await seriesOf(metrics, 'emaki.append.lock.time')).toEqual({ '': 2 })
  } finally {
    await store.close()
    rmSync(folder, { recursive: true })
  }
})
