import type { Config } from '../config.ts'

const TIMEOUT_MS = 2_000

/** Asks the server of this configuration whether it lives: for a container's health check, in an image without a shell. */
export async function health({ PORT }: Config): Promise<number> {
  try {
    const answer = await fetch(`http://127.0.0.1:${PORT}/health`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    return answer.ok ? 0 : 1
  } catch (error) {
    console.error(`no answer on port ${PORT}: ${(error as Error).message}`)
    return 1
  }
}
