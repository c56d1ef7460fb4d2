// A process that sends commands through a runtime of its own.
import { runtime } from '../../../runtime.ts'
import { postgres } from '../store.ts'
import { counter, seat } from './domain.ts'
import { plantEarlyRejections } from './early-rejections.ts'
import { UNHURRIED } from './patience.ts'
import { type Random, random } from './random.ts'
import { sender } from './sender.ts'
import type { Work } from './writers.ts'

export type Commanding = {
  readonly kind: 'command'
  readonly who: string
  readonly url: string
  readonly schema: string
  readonly seed: string
  readonly callers: number
  /** How many commands each caller sends, one after the other. */
  readonly commands: number
  /** What of: one counter that is hot, counters hot and cold, one seat. */
  readonly on: 'one counter' | 'counters' | 'one seat'
  /** With the planted bug of that name. */
  readonly plant?: 'early rejections'
}

const COLD = 200

export const command: Work<Commanding> = async (job, write, ready) => {
  if (job.plant) plantEarlyRejections()
  const store = postgres(job.url, { schema: job.schema, migrate: false, pooler: false, ...UNHURRIED })
  const emaki = await runtime({ serve: [counter, seat], store })
  await ready()
  const send = sender(emaki, job.who, write)
  const choices = random(job.seed)
  async function caller(_: unknown, i: number): Promise<void> {
    for (let n = 0; n < job.commands; n++)
      await send(buildCommand(job.on, choices, `${job.who}.${i}.${n}`), { deadlineMs: DEADLINE_MS })
  }
  await Promise.all(Array.from({ length: job.callers }, caller))
  await emaki.close()
}
const DEADLINE_MS = 60_000

function buildCommand(on: Commanding['on'], random: Random, token: string) {
  switch (on) {
    case 'one counter':
      return counter.add('hot', { token })
    case 'counters':
      return counter.add(random.chance(0.3) ? 'hot' : `cold-${random.below(COLD)}`, { token })
    case 'one seat':
      return random.chance(0.5) ? seat.take('hot', { token }) : seat.leave('hot', { token })
  }
}
