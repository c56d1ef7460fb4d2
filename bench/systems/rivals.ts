import type { Contestant, RivalOptions } from '../contestant.ts'
import { castore } from './castore.ts'
import { dcb } from './dcb-es.ts'
import { emmett } from './emmett.ts'
import { messageDb } from './message-db.ts'

/** Every rival, each with its own recommended settings. */
export function rivals(options: RivalOptions): Contestant[] {
  return [emmett(options), messageDb(options), dcb(options), castore(options)]
}
