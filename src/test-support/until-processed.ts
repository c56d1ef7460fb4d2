import type { Runtime } from '../runtime.ts'
import { HANG_MS } from './servers/until.ts'

/** Waits until all that is served, or what is named, has passed a position, and fails where it never does. */
export async function untilProcessed(
  served: Pick<Runtime, 'waitUntilProcessed'>,
  position: number,
  names?: readonly string[],
): Promise<void> {
  if (!(await served.waitUntilProcessed(position, names, HANG_MS)))
    throw new Error(`Waited ${HANG_MS} ms, and still not at ${position}.`)
}
