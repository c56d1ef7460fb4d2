// A process that appends while somebody holds the lock, and may not live to see it.
import { postgres } from '../store.ts'
import { UNHURRIED } from './patience.ts'
import { recorder, tokenEvent } from './recorder.ts'
import type { Work } from './writers.ts'

export type Waiting = {
  readonly kind: 'wait'
  readonly who: string
  readonly url: string
  readonly schema: string
  /** One append for each. */
  readonly streams: readonly string[]
}

export const wait: Work<Waiting> = async ({ who, url, schema, streams }, write, ready) => {
  const store = postgres(url, { schema, migrate: false, pooler: false, readers: 1, ...UNHURRIED })
  await store.open()
  await ready()
  const record = recorder(store, who, write, true)
  for (const stream of streams)
    await record([{ slices: [{ stream, expect: 'any', events: [tokenEvent(`${who}.${stream}`)] }], keys: [] }])
  await store.close()
}
