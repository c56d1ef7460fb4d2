import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Metrics } from '../../metrics/registry.ts'
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
