// What the running server knows of stalls: it sees what its handlers do, and remembers what is over.
import type { StallEpisode } from '../stalls/episodes.ts'
import { explainSilence } from '../stalls/processor-time.ts'
import { askServer, refusalText, TIMEOUT_MS } from './ask-server.ts'
import type { Call } from './verb.ts'

/** Gives what the server on PORT tells. None: there is no server, or it does not tell us. Both are said on stderr. */
export async function askWatch(
  call: Pick<Call, 'config' | 'base'>,
  timeoutMs: number = TIMEOUT_MS,
): Promise<readonly StallEpisode[]> {
  const asking = askServer(call, '/ready?verbose', { signal: AbortSignal.timeout(timeoutMs) })
  const answer = await asking.catch((error: unknown) => error as Error)
  if (answer instanceof Error) {
    if (answer.name === 'TimeoutError') return [silentEpisode(timeoutMs)]
    console.error(`no server answers on port ${call.config.PORT}, so this is what the store says alone`)
    return []
  }
  if (answer.status !== 200 && answer.status !== 503) {
    console.error(`what the server itself knows is left out: ${await refusalText(answer)}`)
    return []
  }
  const { stalls = [] } = (await answer.json().catch(() => ({}))) as { readonly stalls?: readonly StallEpisode[] }
  return stalls
}

/** A server that takes the connection and does not answer is there, and nothing of it runs. */
function silentEpisode(silentMs: number): StallEpisode {
  const since = new Date(Date.now() - silentMs).toISOString()
  return { ...explainSilence(silentMs), since, ended: null, times: 1 }
}
