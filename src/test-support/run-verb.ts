// A verb of the command line, run in this process: what it prints, and how it ends.
import { spyOn } from 'bun:test'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { app } from '../../routes/index.ts'
import type { Call, Verb } from '../cli/verb.ts'
import { readConfig } from '../config.ts'
import type { Served } from '../definitions/definition.ts'
import type { Store } from '../ports/store/store.ts'

export type VerbCall = Partial<Pick<Call, 'words' | 'values' | 'json' | 'config' | 'maps'>> & {
  readonly serve?: readonly Served[]
  readonly store?: Store
}
export type Answer = { readonly code: number; readonly out: string; readonly err: string }

/** A verb without a store finds none, and not the one that somebody has made beside these sources. */
const NO_LOG = join(tmpdir(), 'emaki-no-log', 'log.db')

/** Runs a verb. Verbs print by `console` and by the process's stdout; only one may be run at a time. */
export async function runVerb(verb: Verb, { serve = [], store, ...given }: VerbCall = {}): Promise<Answer> {
  const printed = { out: '', err: '' }
  const say = (where: 'out' | 'err', text: string) => {
    printed[where] += text
  }
  const config = given.config ?? readConfig({ SQLITE_FILE: NO_LOG })
  const spies = [
    spyOn(console, 'log').mockImplementation(text => say('out', `${text}\n`)),
    spyOn(console, 'error').mockImplementation(text => say('err', `${text}\n`)),
    spyOn(process.stderr, 'write').mockImplementation(text => {
      say('err', String(text))
      return true
    }),
    spyOn(process.stdout, 'write').mockImplementation(((text: string, done?: (error?: Error) => void) => {
      say('out', text)
      done?.()
      return true
    }) as typeof process.stdout.write),
  ]
  try {
    const site = app({ serve, config })
    const call: Call = { app: site, site, base: '', serve, config, words: [], values: {}, json: false, maps: {}, ...given }
    const code = await verb.run(store ? { ...call, store } : call)
    return { code, ...printed }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
