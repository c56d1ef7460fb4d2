// What the tests of doctor do with each store.
import { type Config, storeOf } from '../config.ts'
import type { Diagnosis } from '../ports/store/diagnosis.ts'
import type { Store } from '../ports/store/store.ts'
import { runtime } from '../runtime.ts'
import { order, shop } from '../test-support/fulfilment.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { untilProcessed } from '../test-support/until-processed.ts'
import { doctorVerb } from './doctor.ts'

export async function runDoctor(config: Config, options: { store?: Store; prove?: boolean } = {}) {
  const { prove = false, ...store } = options
  const { code, out } = await runVerb(doctorVerb, { config, serve: shop, json: true, values: prove ? { prove } : {}, ...store })
  const findings = JSON.parse(out) as readonly Diagnosis[]
  return { code, findings, problems: findings.filter(({ status }) => status === 'problem') }
}
export async function fillStore(config: Config): Promise<void> {
  const emaki = await runtime({ serve: shop, store: await storeOf(config) })
  await emaki.send(order.place('o1', { skus: [], cents: 5 }))
  await untilProcessed(emaki, 1)
  await emaki.close()
}
