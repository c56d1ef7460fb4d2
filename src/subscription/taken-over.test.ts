import { expect, test } from 'bun:test'
import type { Notice } from '../ports/report/notice.ts'
import { memory } from '../ports/store/memory.ts'
import { startServices } from '../runtime.ts'
import { thing, things } from '../test-support/shop.ts'
import { until } from '../test-support/servers/until.ts'

test.each([
  ['that its owner did not give back is recorded once', false, 1],
  ['that its owner gave back is not recorded', true, 0],
])('a process that goes on with a subscription %s', async (_, isGivenBack, records) => {
  let now = Date.parse('2030-01-01')
  const store = memory({ now: () => now })
  await store.open()
  const lease = await store.readModel.acquire('things_v1', { owner: 'dead', ttlMs: 1_000, start: 0 })
  if (isGivenBack) await store.readModel.release('things_v1', lease!.epoch)
  now += 2_000
  const reported: Notice[] = []
  const report = (problem: unknown) => void reported.push(problem as Notice)
  const emaki = await startServices({ serve: [thing, things], store, report })
  await until('it runs', async () => (await emaki.status()).every(({ isOwner }) => isOwner))
  const found = reported.filter(({ code }) => code === 'taken-over')
  expect(found.map(({ level, fields }) => ({ level, ...fields }))).toEqual(
    Array(records).fill({ level: 'info', subscription: 'things_v1', position: 0, takeovers: 1 }),
  )
  await emaki.close()
})
