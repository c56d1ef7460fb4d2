/**
 * How long a test waits for what must come, in ms. It is a guard against a test that hangs, and no verdict: a machine that is a
 * hundred times slower stays below it. It is below the `--timeout` of package.json, so that its message is seen.
 */
export const HANG_MS = 300_000

/**
 * Waits for a condition, asking again every few milliseconds, and fails after `timeoutMs` with what it waited for. Only who expects that
 * the condition never comes gives a time.
 */
export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = HANG_MS): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms, and still not: ${what}.`)
    await Bun.sleep(ASK_EVERY_MS)
  }
}

const ASK_EVERY_MS = 5
