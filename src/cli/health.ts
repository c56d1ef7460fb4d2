import type { Config } from '../config.ts'
import { EXIT } from './exit-codes.ts'
import type { Verb } from './verb.ts'

export const healthVerb: Verb = {
  does: 'ask the server on PORT whether it is alive; exits with 0 or 1',
  json: true,
  run: async ({ config, base, json }) => {
    const isAlive = await health(config, base)
    if (json) console.log(JSON.stringify({ isAlive }))
    return isAlive ? 0 : EXIT.PROBLEM
  },
}

const TIMEOUT_MS = 2_000

/**
 * Asks the server of this configuration whether it is alive: a health check for containers, in an image without a
 * shell.
 */
async function health({ PORT }: Config, base: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${PORT}${nameParameters(base)}/health`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (!answer.ok) console.error(`${answer.url} answered ${answer.status}`)
    return answer.ok
  } catch (error) {
    console.error(`no answer on port ${PORT}: ${(error as Error).message}`)
    return false
  }
}

/** A path of a base path with parameters: of `/:tenant` it is `/tenant`, as the health is that of all. */
export function nameParameters(base: string): string {
  return base.replaceAll(/:(\w+)(\{[^}]*\})?/g, '$1')
}
