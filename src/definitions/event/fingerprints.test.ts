import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../decider/decider.ts'
import { events, spec, split } from './events.ts'
import { hashParts, hashToNumber, readingPart } from './fingerprints.ts'
import { upcast } from './upcast.ts'

const V1 = z.object({ n: z.int() })
const V2 = z.object({ n: z.int(), note: z.string() })
const Counter = events('counter', { Added: V1 })
const sound = {
  initial: { n: 0 },
  evolve: { Added: (s: { n: number }, { n }: { n: number }) => ({ n: s.n + n }) },
  commands: { add: V1 },
  decide: { add: () => [] },
}
type Options = Partial<typeof sound> & { readonly version?: number }

function foldOf({ version, ...changed }: Options, family: unknown = Counter): number {
  const snapshot = version === undefined ? { every: 1 } : { every: 1, version }
  return decider(family as typeof Counter, { ...sound, ...changed, snapshot })[spec].snapshot!.fold
}

describe('the fold of a snapshot', () => {
  const same: readonly [string, Options, unknown][] = [
    ['as it was', {}, Counter],
    ['with version 1, which is the default', { version: 1 }, Counter],
    ['with a decision changed', { decide: { add: () => [Counter.Added({ n: 1 })] as never } }, Counter],
    ['with a family that was written again', {}, events('counter', { Added: z.object({ n: z.int() }) })],
  ]
  test.each(same)('the fold of a snapshot is the same for a decider %s', (_, changed, family) => {
    expect(foldOf(changed, family)).toBe(foldOf({}))
  })

  const different: readonly [string, Options, unknown][] = [
    ['version', { version: 2 }, Counter],
    ['initial state', { initial: { n: 1 } }, Counter],
    ['evolve', { evolve: { Added: (s, { n }) => ({ n: s.n - n }) } }, Counter],
    // A minifier gives other names. The snapshot is then not read, though the fold gives the same.
    ['name of a parameter in evolve', { evolve: { Added: (a, { n: b }) => ({ n: a.n + b }) } }, Counter],
    ['event schema', {}, events('counter', { Added: V2 })],
    ['retired type', {}, events('counter', { Added: V1 }, { was: { Gone: null } })],
  ]
  test.each(different)('the fold of a snapshot differs after a change of its %s', (_, changed, family) => {
    expect(foldOf(changed, family)).not.toBe(foldOf({}))
  })
})

describe('a reading', () => {
  const read = (family: { readonly [spec]: Parameters<typeof readingPart>[0] }) => hashParts(readingPart(family[spec]))
  const up = (note: string) => upcast(V2, V1, ({ n }) => ({ n, note }))
  const raised = upcast(V2, V1, ({ n }) => ({ n, note: 'old' }))

  test('a reading differs where an upcast is added, or its text changes', () => {
    const readings = [V2, raised, upcast(V2, V1, ({ n }) => ({ n: n * 100, note: 'old' }))].map(Added =>
      read(events('counter', { Added })),
    )
    expect(new Set(readings).size).toBe(3)
  })

  test('a reading does not see values from around its functions', () => {
    expect(read(events('counter', { Added: up('a') }))).toBe(read(events('counter', { Added: up('b') })))
  })

  test('a reading differs where the parts of an old type change', () => {
    const readings = [1, 2].map(many =>
      read(
        events(
          'counter',
          { Added: V1 },
          {
            was: {
              Twice:
                many === 1
                  ? split(V1, (old, make) => [make.Added(old)])
                  : split(V1, (old, make) => [make.Added(old), make.Added(old)]),
            },
          },
        ),
      ),
    )
    expect(readings[0]).not.toBe(readings[1])
  })

  test('a hash tells where one part ends and the next begins', () => {
    expect(hashParts(['ab', 'c'])).not.toBe(hashParts(['a', 'bc']))
    expect(hashToNumber(['a'])).toBeWithin(0, 2 ** 31)
  })
})
