/**
 * Waits for a condition, asking again every few milliseconds, and fails after `timeoutMs` with what it waited for.
 * The default is just below the five seconds that `bun test` gives to a test, so that the message is seen.
 */
export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 4_500): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms, and still not: ${what}.`)
    await Bun.sleep(askEveryMs)
  }
}

const askEveryMs = 5
