// Queries over things, for tests of what answers are kept.

import { z } from 'zod'
import { query } from '../definitions/query.ts'
import { shelves, things } from './shop.ts'

export const prices = query('prices', {
  params: z.object({ shelf: z.enum(['top', 'low']) }),
  run: async ({ shelf }, read) => {
    const found = await read(things).list({ shelf }, { sort: '-price' })
    return { prices: found.map(({ price }) => price), times: (await read(shelves).get(shelf))?.times ?? 0 }
  },
})

/** A query with a cache policy, and how often it has run. */
export function countingQuery(
  options: { readonly stale?: '1 hour'; readonly public?: boolean; readonly ttl?: '1 hour' | '0.001 seconds' } = {},
) {
  const runs = { times: 0 }
  const { ttl = '1 hour', ...rest } = options
  const named = query('named', {
    params: z.object({ name: z.string() }),
    cache: { ttl, tags: ({ name }) => [`name:${name}`], ...rest },
    run: async ({ name }, read) => {
      const found = await read(things).list({ name })
      runs.times++
      return found.length ? found.map(({ key, price }) => ({ key, price })) : null
    },
  })
  return { named, runs }
}
