// Clients that append and ask at once, each with the latest position that it was told.
import { afterEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import type { Cache } from '../../src/ports/cache/cache.ts'
import { memoryCache } from '../../src/ports/cache/memory.ts'
import { query } from '../../src/definitions/query.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { looks, shelves, things } from '../../src/test-support/shop.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { atPosition } from '../../src/test-support/http.ts'
import { openThingApp } from '../../src/test-support/thing-app.ts'

export function testFreshAnswers(runs: number): void {
  afterEach(cleanUp)

  describe('no answer is older than what its client knows', () => {
    const total = query('total', {
      params: z.object({ shelf: z.enum(['top', 'low']) }),
      cache: { ttl: '1 hour', stale: '1 hour' },
      run: async ({ shelf }, read) => {
        const [row, found] = await Promise.all([read(shelves).get(shelf), read(things).list({ shelf })])
        return { times: row?.times ?? 0, keys: found.map(({ key }) => key) }
      },
    })
    const act = fc.record({
      caller: fc.nat(3),
      shelf: fc.constantFrom('top', 'low'),
      what: fc.constantFrom('say', 'ask', 'ask', 'row', 'list'),
      pause: fc.nat(2),
    })

    type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

    /**
     * Some callers say and ask of some processes, each with the latest position he was told, all at once or one after the other.
     * Gives what was older than it may be.
     */
    async function runActs(
      acts: readonly Act[],
      { count = 1, cache, inOrder = false }: { readonly count?: number; readonly cache?: Cache; readonly inOrder?: boolean } = {},
    ): Promise<readonly string[]> {
      const store = memory()
      const processes = Array.from({ length: count }, () =>
        openThingApp([total], { store, ...(cache && { cache: () => cache }) }),
      )
      const wrong: string[] = []
      const known = ['0', '0', '0', '0']
      const log: { readonly position: number; readonly shelf: string }[] = []
      const timesAt = (shelf: string, position: string) =>
        log.filter(one => one.shelf === shelf && one.position <= Number(position)).length
      const learn = (caller: number, position: string) => {
        if (Number(position) > Number(known[caller])) known[caller] = position
      }
      const runAct = async ({ caller, shelf, what }: Act, i: number) => {
        const shop = processes[i % count]!
        if (what === 'say') {
          const position = await shop.say(`t${i}`, 'set', looks('x', { shelf: shelf as 'top' | 'low' }))
          log.push({ position: Number(position), shelf })
          return learn(caller, position)
        }
        const token = known[caller]!
        const path = { ask: `/total?shelf=${shelf}`, row: `/shelves/${shelf}`, list: `/things?shelf=${shelf}&limit=1000` }[what]
        const { status, body, headers } = await shop.get(path!, atPosition(token, { Prefer: 'wait=5' }))
        const least = timesAt(shelf, token)
        if (status === 404 && what === 'row' && least === 0) return
        if (status !== 200) return void wrong.push(`${what} ${token}: ${status}`)
        const { times, keys, items } = body as { times?: number; keys?: unknown[]; items?: unknown[] }
        for (const found of [times, keys?.length, items?.length])
          if (found !== undefined && found < least) wrong.push(`${what} at ${token}: ${found} of ${least}`)
        const position = headers.get('event-position')!
        if (Number(position) < Number(token)) wrong.push(`${what} says ${position} to ${token}`)
        if (times !== undefined && times < timesAt(shelf, position)) wrong.push(`${what} is older than its ${position}`)
        learn(caller, position)
      }
      const running: Promise<void>[] = []
      for (const [i, next] of acts.entries()) {
        running.push(runAct(next, i))
        if (inOrder) await running.at(-1)
        for (let pause = 0; pause < next.pause; pause++) await Bun.sleep(0)
      }
      await Promise.all(running)
      await cleanUp()
      return wrong
    }

    test('no answer is older than the position of its client, while others append and query', async () => {
      const property = fc.asyncProperty(fc.array(act, { maxLength: 40, size: 'max' }), async acts =>
        expect(await runActs(acts)).toEqual([]),
      )
      await fc.assert(property, { numRuns: runs })
    })

    test('no answer is older than the position of its client, with several processes of which one builds the rows', async () => {
      const property = fc.asyncProperty(fc.array(act, { maxLength: 25, size: 'max' }), async acts =>
        expect(await runActs(acts, { count: 2 })).toEqual([]),
      )
      await fc.assert(property, { numRuns: Math.ceil(runs / 2) })
    })

    test('a cache that loses its invalidations is found by this test to serve old answers', async () => {
      const deaf = { ...memoryCache(), raise: async () => {} }
      // Says that it is as new as is asked for.
      const lying: Cache = {
        ...deaf,
        get: async (key, atLeast) => {
          const entry = await deaf.get(key, 0)
          return entry && { ...entry, position: Math.max(entry.position, atLeast) }
        },
      }
      const first = { caller: 0, shelf: 'top' as const, pause: 0 }
      const acts = (['say', 'ask', 'say', 'ask'] as const).map(what => ({ ...first, what }))
      expect(await runActs(acts, { cache: lying, inOrder: true })).toContain('ask at 2: 1 of 2')
      expect(await runActs(acts, { inOrder: true })).toEqual([])
    })
  })
}
