import { describe, expect, test } from 'bun:test'
import type { Fault } from './faults.ts'
import { torture } from './torture.ts'

const fine: Fault = { times: 3, run: async (random, times) => ({ wrong: [], checks: 1_000 + times + random.below(1_000) }) }

describe('the torture', () => {
  test('the torture makes the rounds that are asked for, and counts what each has checked', async () => {
    const { code, printed } = await runTorture(['--rounds', '2', '--seed', '7'], { one: fine, other: fine })
    expect(code).toBe(0)
    expect(rowsOf(printed)).toEqual([
      ['fault', 'rounds', 'checks', 'violations'],
      ['one', '2', expect.stringMatching(/^\d{4}$/), '0'],
      ['other', '2', expect.stringMatching(/^\d{4}$/), '0'],
    ])
  })

  test('the torture makes one round of each fault where nothing is asked for', async () => {
    const { code, printed } = await runTorture([], { one: fine })
    expect(code).toBe(0)
    expect(printed).toMatch(/^rounds 1 to 1 of 1 faults, with seed \d+\n/)
  })

  test('the torture fails with what is wrong, and says how that round is made again', async () => {
    const drawn: number[] = []
    const planted: Fault = {
      times: 1,
      run: async random => {
        drawn.push(random.below(1_000_000))
        return { wrong: drawn.length === 3 ? ['an effect was lost'] : [], checks: 200 }
      },
    }
    const { code, printed } = await runTorture(['--rounds', '4', '--seed', '7'], { one: fine, 'a planted one': planted })
    expect(code).toBe(1)
    expect(printed).toContain("  an effect was lost\n  again: bun run torture --seed 7 --fault 'a planted one' --round 3\n")
    expect(rowsOf(printed).at(-1)).toEqual(['a planted one', '4', '800', '1'])
    await runTorture(['--seed', '7', '--fault', 'a planted one', '--round', '3'], { other: fine, 'a planted one': planted })
    expect(drawn.at(-1)).toBe(drawn[2]!)
    expect(new Set(drawn).size).toBe(4)
  })

  test('the torture fails a round that throws, or has checked next to nothing', async () => {
    const throwing: Fault = { times: 1, run: () => Promise.reject(new Error('it never moved on')) }
    const idle: Fault = { times: 1, run: async () => ({ wrong: [], checks: 2 }) }
    const { code, printed } = await runTorture(['--seed', '7'], { throwing, idle })
    expect(code).toBe(1)
    expect(printed).toContain('Error: it never moved on')
    expect(printed).toContain('2 facts were checked, and 100 at least are wanted')
  })

  for (const [args, problem] of [
    [['--rounds', '0'], '--rounds takes a whole number from 1, not "0"'],
    [['--rounds', 'many'], '--rounds takes a whole number from 1, not "many"'],
    [['--round', '1.5'], '--round takes a whole number from 1, not "1.5"'],
    [['--round', '1', '--rounds', '2'], '--rounds and --round exclude each other'],
    [['--seed', 'x'], '--seed takes a whole number, not "x"'],
    [['--fault', 'two'], 'no fault "two"; there are one'],
    [['--fault', 'toString'], 'no fault "toString"; there are one'],
    [['--seeds', '1'], /Unknown option '--seeds'/],
    [['more'], /Unexpected argument 'more'/],
    [['--seed'], /'--seed <value>' argument missing/],
  ] as const)
    test(`the torture refuses ${args.join(' ')} in a line`, async () => {
      const { code, printed } = await runTorture(args, { one: fine })
      expect(code).toBe(2)
      expect(printed).toMatch(/^torture: [^\n]+\n$/)
      expect(printed).toMatch(problem)
    })
})

async function runTorture(args: readonly string[], faults: Readonly<Record<string, Fault>>) {
  const printed: string[] = []
  const code = await torture(args, { faults, write: text => void printed.push(text) })
  return { code, printed: printed.join('') }
}

/** The cells of the table, without its rule. */
function rowsOf(printed: string): readonly (readonly string[])[] {
  const lines = printed.split('\n').filter(line => line.startsWith('| '))
  return lines
    .filter(line => !line.includes('---'))
    .map(line =>
      line
        .slice(2, -2)
        .split(' | ')
        .map(cell => cell.trim()),
    )
}
