// What the nodes of these races serve: a process whose every command appends an event that counts, so that a second effect would show.
import { z } from 'zod'
import { type Decider, decider } from '../../definitions/decider/decider.ts'
import { reject } from '../../definitions/decider/reject.ts'
import { type Events, events } from '../../definitions/event/events.ts'
import { type Process, processManager } from '../../definitions/process/process.ts'
import { after, cancel } from '../../definitions/process/timer.ts'

const asked = { Asked: z.object({ token: z.string() }) }
export const Asking: Events<'asking', typeof asked> = events('asking', asked)
const askingCommands = { ask: z.object({ token: z.string() }) }
/** Takes whatever it is asked: the events that a process is told. */
export const asking: Decider<'asking', null, typeof askingCommands> = decider(Asking, {
  initial: null,
  evolve: { Asked: () => null },
  commands: askingCommands,
  decide: { ask: (_, data) => Asking.Asked(data) },
})

const counted = { Counted: z.object({ by: z.string(), what: z.string() }) }
const Tally: Events<'tally', typeof counted> = events('tally', counted)
const tallyCommands = { count: counted.Counted, refuse: counted.Counted }
/** Counts as often as it is told, and knows nothing of what it has counted before. */
const tally: Decider<'tally', null, typeof tallyCommands> = decider(Tally, {
  initial: null,
  evolve: { Counted: () => null },
  commands: tallyCommands,
  decide: { count: (_, data) => Tally.Counted(data), refuse: () => reject('refused') },
})

/** A timer that is set anew each time it falls due, until so long after the last event, in ms. */
export const BEATS_MS = 1_500

type State = { readonly n: number; readonly until: number }
export const courier: Process<'courier', State> = processManager('courier', {
  from: Asking,
  to: tally,
  begins: 'Asked',
  initial: { n: 0, until: 0 } as State,
  evolve: { Asked: ({ n }, _, { at }) => ({ n: n + 1, until: Date.parse(at) + BEATS_MS }) },
  react: {
    Asked: ({ n }, _, __, by) => [
      tally.count(`t${n % 3}`, { by, what: `${n}.first` }),
      tally.count(`t${n % 3}`, { by, what: `${n}.second` }),
      ...(n % 5 === 0 ? [tally.refuse('t0', { by, what: `${n}` })] : []),
      ...(n % 3 === 0 ? [after('1 second', 'late', tally.count('t1', { by, what: `${n}.late` }))] : []),
      ...(n % 9 === 1 ? [cancel('late')] : []),
      ...(n % 8 === 1 ? [after('0.2 seconds', 'beat')] : []),
    ],
  },
  on: {
    rejected: (_, { command }, by) => tally.count('t2', { by, what: `${(command.data as { what: string }).what}.refused` }),
    due: ({ until }, { timer, at }, by) =>
      timer === 'beat'
        ? [tally.count('beats', { by, what: `beat ${at}` }), ...(Date.parse(at) < until ? [after('0.2 seconds', 'beat')] : [])]
        : undefined,
  },
})

export const served = [asking, tally, courier] as const
