// What does not see a planted bug would not see a real one. Those of leases are planted where they are raced for.
import { describe, expect, test } from 'bun:test'
import { race } from '../../adapters/postgres/races/form.ts'
import { eventually } from '../../adapters/postgres/races/patience.ts'
import { Arena } from './arena.ts'
import { Checker, type Delivered, type Logged, ofLeases, type Seen } from './checker.ts'
import { onSqlite } from './places.ts'

const event = (position: number, version: number, token: string | null = `t${position}`): Logged => ({
  position,
  stream: 'hot-1',
  version,
  id: `e${position}`,
  token,
})
const log = [event(1, 1), event(2, 2), event(3, 3)]
const nothing: Seen = { events: log, checkpoints: new Map(), rows: new Map(), parked: [], retrying: 0, reported: null }
const deliveries = (...positions: readonly number[]): readonly Delivered[] =>
  positions.map((at, seq) => ({ seq, key: `effects:e${at}`, id: `e${at}`, stream: 'hot-1', version: at }))

function lookOnce(seen: Partial<Seen>): readonly string[] {
  return new Checker().look({ ...nothing, ...seen })
}

describe('the checker of rows', () => {
  test('the checker of rows finds a checkpoint that goes back, or past the log', () => {
    const checker = new Checker()
    expect(checker.look({ ...nothing, checkpoints: new Map([['effects', 2]]) })).toEqual([])
    expect(checker.look({ ...nothing, events: [], checkpoints: new Map([['effects', 1]]) })).toEqual([
      'effects went back from 2 to 1',
    ])
    expect(lookOnce({ checkpoints: new Map([['effects', 4]]) })).toEqual(['effects is at 4, and the log ends at 3'])
  })

  test('the checker of rows finds rows that are missing, or ahead of their checkpoint', () => {
    const checkpoints = new Map([['counts_v1', 1]])
    const row = (count: number, chain: number) => ({ position: count, data: JSON.stringify({ count, sum: 165, chain }) })
    expect(lookOnce({ checkpoints })).toEqual([expect.stringContaining('counts_v1/1 at 1 is not there')])
    expect(lookOnce({ checkpoints, rows: new Map([['counts_v1', new Map([['1', row(1, 1)]])]]) })).toEqual([])
    expect(lookOnce({ checkpoints, rows: new Map([['counts_v1', new Map([['1', row(2, 33)]])]]) })).toHaveLength(1)
  })

  test('the checker of rows finds what a SQL projection has written twice, or not at all', () => {
    const checkpoints = new Map([['sql_report_v1', 3]])
    expect(lookOnce({ checkpoints, reported: [1, 2, 3] })).toEqual([])
    expect(lookOnce({ checkpoints, reported: [1, 2, 2, 3] })).toHaveLength(1)
    expect(lookOnce({ checkpoints, reported: [1, 3] })).toHaveLength(1)
    expect(lookOnce({ checkpoints, reported: null })).toHaveLength(1)
  })

  race('the checker of rows finds changed rows in a real table, and parking without a reason', async random => {
    await using arena = new Arena(await onSqlite(), random)
    const [node] = await arena.start(1)
    node!.load(4)
    await eventually('there are rows', async () => ((await arena.look()).rows.get('counts_v1')?.size ?? 0) > 0)
    const seen = await arena.look()
    const name = 'counts_v1'
    const [key, row] = [...seen.rows.get(name)!][0]!
    const zero = new Map([...seen.rows.get(name)!, [key, { ...row, data: JSON.stringify({ count: 0, sum: 0, chain: 0 }) }]])
    const again = (changed: Partial<Seen>) => arena.checker.look({ ...seen, events: [], ...changed }).join()
    expect(again({})).toBe('')
    expect(again({ rows: new Map([...seen.rows, [name, zero]]) })).toContain(`${name}/${key} at`)
    expect(again({ parked: [{ name, kind: 'key', key, position: row.position, cause: '' }] })).toContain('nothing is wrong')
    expect(again({ parked: [{ name, kind: 'stream', key: 'counter-hot', position: 1, cause: '' }] })).toContain(
      'which can be read',
    )
  })
})

describe('the checker of effects', () => {
  const wrong = (found: readonly Delivered[], until = 3) => {
    const checker = new Checker()
    checker.look(nothing)
    return checker.effects(found, until)
  }

  test('the checker of effects accepts what is delivered again', () => {
    expect(wrong(deliveries(1, 2, 1, 2, 3, 3))).toEqual([])
    expect(wrong(deliveries(1, 2), 2)).toEqual([])
  })

  test('the checker of effects finds what was lost, out of order, under another key, or from nowhere', () => {
    expect(wrong(deliveries(1, 2))).toEqual(['1 were never delivered up to 3, first hot-1@3 (3)'])
    expect(wrong(deliveries(1, 3, 2))).toEqual(['hot-1@3 was delivered after 1', 'hot-1@2 was delivered after 3'])
    expect(wrong(deliveries(1, 2, 3).map(one => ({ ...one, key: `${one.seq}` })))).toHaveLength(3)
    expect(wrong(deliveries(1, 2, 3, 4))).toContain('hot-1@4 was delivered, and is not in the log')
  })
})

describe('the checker of leases', () => {
  const commit = (who: string, epoch: number, from: number, to: number, kept = true) =>
    ({ who, did: 'commit', name: 's', epoch, from, to, kept }) as const
  const acquire = (who: string, epoch: number, position: number) => ({ who, did: 'acquire', name: 's', epoch, position }) as const

  test('the checker of leases accepts a refused page', () => {
    expect(ofLeases([acquire('a', 1, 0), commit('a', 1, 0, 5), acquire('b', 2, 5), commit('a', 1, 5, 9, false)])).toEqual([])
  })

  test('the checker of leases finds a page written twice or by a former owner, and an epoch of two owners', () => {
    expect(ofLeases([commit('a', 1, 0, 5), commit('b', 2, 0, 5)])).toEqual([expect.stringContaining('2 times from 0')])
    expect(ofLeases([acquire('b', 2, 5), commit('a', 1, 5, 9)])).toEqual([expect.stringContaining('b had taken over at 5')])
    expect(ofLeases([acquire('a', 1, 0), acquire('b', 1, 0)])).toEqual([expect.stringContaining('a and b')])
  })
})
