// Things on shelves, for tests of what is read: a decider, rows with an index of every kind, and facts that no row can take.
import { z } from 'zod'
import { type Decider, decider } from '../definitions/decider/decider.ts'
import { events } from '../definitions/event/events.ts'
import { type Projection, projection } from '../definitions/projection/projection.ts'

const Looks = z.object({
  name: z.string(),
  shelf: z.enum(['top', 'low']),
  price: z.number().nullable(),
  rare: z.boolean(),
  note: z.string().optional(),
})
export type Looks = z.infer<typeof Looks>
export const Thing = events('thing', { Set: Looks, Removed: z.object({}), Poisoned: z.object({}), Spoiled: z.object({}) })

const commands = { set: Looks, remove: z.object({}), poison: z.object({}), spoil: z.object({}) }

export const thing: Decider<'thing', object, typeof commands> = decider(Thing, {
  initial: {},
  evolve: { Set: state => state, Removed: state => state, Poisoned: state => state, Spoiled: state => state },
  commands,
  decide: {
    set: (_, looks) => Thing.Set(looks),
    remove: () => Thing.Removed({}),
    poison: () => Thing.Poisoned({}),
    spoil: () => Thing.Spoiled({}),
  },
})

/** By thing: how it looks. Its fold throws where it is poisoned, and gives what is no row where it is spoiled. */
export const things: Projection<'things', Looks, 'name' | 'shelf' | 'price' | 'rare' | 'note'> = projection('things', {
  from: Thing,
  row: Looks,
  initial: { name: '', shelf: 'top', price: null, rare: false },
  indexes: ['name', 'shelf', 'price', 'rare', 'note'],
  evolve: {
    Set: (_, looks) => looks,
    Removed: () => null,
    Poisoned: () => {
      throw new Error('poison')
    },
    Spoiled: row => ({ ...row, price: Number.NaN }),
  },
})

/** By shelf: how often something was put there, and when last. */
export const shelves: Projection<'shelves', { readonly times: number; readonly last: number }> = projection('shelves', {
  from: Thing,
  key: { Set: ({ shelf }) => shelf },
  row: z.object({ times: z.int(), last: z.int() }).readonly(),
  initial: { times: 0, last: 0 },
  evolve: { Set: ({ times }, _, { position }) => ({ times: times + 1, last: position }) },
})

/** By thing, folded when it is asked for: how often it was set. */
export const sets: Projection<'sets', { readonly times: number }> = projection('sets', {
  from: Thing,
  row: z.object({ times: z.int() }).readonly(),
  initial: { times: 0 },
  evolve: { Set: ({ times }) => ({ times: times + 1 }), Removed: () => null },
  live: true,
})

export const looks = (name: string, rest: Partial<Looks> = {}): Looks => ({ name, shelf: 'top', price: 1, rare: false, ...rest })
