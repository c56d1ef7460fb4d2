// A process that creates streams which others create at the same time.
import { postgres } from '../store.ts'
import { UNHURRIED } from './patience.ts'
import { recorder, tokenEvent } from './recorder.ts'
import type { Work } from './writers.ts'

export type Creating = {
  readonly kind: 'create'
  readonly who: string
  readonly url: string
  readonly schema: string
  readonly streams: readonly string[]
  /** How many callers at once, through how many stores, create each of them. */
  readonly callers: number
  readonly stores: number
}

export const create: Work<Creating> = async ({ who, url, schema, streams, callers, ...job }, write, ready) => {
  const stores = Array.from({ length: job.stores }, () =>
    postgres(url, { schema, migrate: false, pooler: false, readers: 1, ...UNHURRIED }),
  )
  await Promise.all(stores.map(store => store.open()))
  await ready()
  let turn = 0
  const record = recorder({ append: units => stores[turn++ % stores.length]!.append(units) }, who, write)
  for (const stream of streams) {
    const tokens = Array.from({ length: callers }, (_, i) => `${stream}.${who}.${i}`)
    await Promise.all(tokens.map(token => record([{ slices: [{ stream, expect: 0, events: [tokenEvent(token)] }], keys: [] }])))
  }
  await Promise.all(stores.map(store => store.close()))
}
