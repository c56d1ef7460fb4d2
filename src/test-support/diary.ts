// Notes of two writers, who may not see each other's: for tests of rules of access.
import { z } from 'zod'
import { type Allowed, allow, type CommandAsk, type StateAsk } from '../definitions/access/allow.ts'
import { type Decider, decider } from '../definitions/decider/decider.ts'
import { type Events, events } from '../definitions/event/events.ts'
import { type Projection, projection } from '../definitions/projection/projection.ts'
import { type Query, query } from '../definitions/query.ts'

const Written = z.object({ owner: z.string(), text: z.string() })
const types = { Written, Changed: z.object({ text: z.string() }), Dropped: z.object({}) }
export const Note: Events<'note', typeof types> = events('note', types)

type State = { readonly owner: string | null; readonly text: string }
const commands = { write: Written, change: z.object({ text: z.string() }), drop: z.object({}), audit: z.object({}) }

export const note: Decider<'note', State, typeof commands> = decider(Note, {
  initial: { owner: null, text: '' } as State,
  evolve: {
    Written: (_, { owner, text }) => ({ owner, text }),
    Changed: (state, { text }) => ({ ...state, text }),
    Dropped: state => ({ ...state, text: '' }),
  },
  commands,
  decide: {
    write: (_, data) => Note.Written(data),
    change: (_, data) => Note.Changed(data),
    drop: () => Note.Dropped({}),
    audit: () => [],
  },
  expose: z.object({ owner: z.string().nullable(), text: z.string() }),
})

const Row = z.object({ owner: z.string(), text: z.string(), times: z.int() })
/** By note: who wrote it, and what it says. */
export const notes: Projection<'notes', z.output<typeof Row>, 'owner' | 'times'> = projection('notes', {
  from: Note,
  row: Row,
  initial: { owner: '', text: '', times: 0 },
  indexes: ['owner', 'times'],
  evolve: {
    Written: (row, { owner, text }) => ({ owner, text, times: row.times + 1 }),
    Changed: (row, { text }) => ({ ...row, text, times: row.times + 1 }),
    Dropped: () => null,
  },
})

/** How many notes somebody has. */
export const written: Query<'notes-written', { readonly owner: string }, number> = query('notes-written', {
  params: z.object({ owner: z.string() }),
  cache: { ttl: '5 minutes', public: true },
  run: ({ owner }, read) => read(notes).count({ owner }),
})

export const diary = [note, notes, written] as const

/** Whoever wrote a note, and nobody else knows that it exists. */
const isOwner = ({ actor, state }: StateAsk<State>) => state.owner === actor?.id || 'hidden'
const isAuditor = ({ actor }: Pick<StateAsk, 'actor'>) => actor?.claims['role'] === 'auditor'

/** Everybody writes for himself, and sees and changes his own. An auditor reads all events. */
export const ofOneself: readonly Allowed[] = [
  allow(note, {
    commands: {
      write: ({ actor, state, data }: CommandAsk<State, z.output<typeof Written>>) => {
        if (state.owner !== null) return state.owner === actor?.id || 'hidden'
        return actor !== null && data.owner === actor.id
      },
      change: isOwner,
      drop: isOwner,
    },
    state: isOwner,
    stream: isOwner,
    events: isAuditor,
  }),
  allow(notes, { visible: actor => (actor.claims['role'] === 'auditor' ? true : { owner: actor.id }) }),
  allow(written, ({ actor, params }) => params.owner === actor?.id),
]
