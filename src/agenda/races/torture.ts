// The faults of processes for as long as is asked: `bun run torture --rounds 20 --seed 7`. Each round of a fault has choices of its own, by
// which it is run again.
import { parseArgs } from 'node:util'
import { random } from '../../adapters/postgres/races/random.ts'
import { type Fault, faults, runFault } from './faults.ts'

export type TortureOptions = { readonly faults: Readonly<Record<string, Fault>>; readonly write: (text: string) => void }
type TortureArgs = { readonly seed: number; readonly names: readonly string[]; readonly first: number; readonly last: number }
type Line = { readonly rounds: number; readonly checks: number; readonly violations: number }

/** Runs what the arguments ask for, and gives the exit code: 1 with any violation, 2 with arguments that it does not know. */
export async function torture(args: readonly string[], torturing: TortureOptions): Promise<number> {
  const { faults, write } = torturing
  const asked = read(args, Object.keys(faults))
  if ('problem' in asked) {
    write(`torture: ${asked.problem}\n`)
    return 2
  }
  const { seed, names, first, last } = asked
  write(`rounds ${first} to ${last} of ${names.length} faults, with seed ${seed}\n`)
  const table = new Map<string, Line>(names.map(name => [name, { rounds: 0, checks: 0, violations: 0 }]))
  for (let round = first; round <= last; round++)
    for (const name of names) table.set(name, addLines(table.get(name)!, await runRound(name, seed, round, torturing)))
  write(`\n${formatTable(table)}\n`)
  return [...table.values()].some(({ violations }) => violations > 0) ? 1 : 0
}

/** One round of a fault: what it chooses follows from its name, the seed and its number. */
async function runRound(name: string, seed: number, round: number, { faults, write }: TortureOptions): Promise<Line> {
  const from = performance.now()
  const { wrong, checks } = await runFault(faults[name]!, random(`${seed} ${name} ${round}`))
  write(`${name}, round ${round}: ${checks} checks, ${((performance.now() - from) / 1_000).toFixed(1)} s\n`)
  for (const sentence of wrong) write(`  ${sentence}\n`)
  if (wrong.length) write(`  again: bun run torture --seed ${seed} --fault '${name}' --round ${round}\n`)
  return { rounds: 1, checks, violations: wrong.length }
}

function addLines(one: Line, other: Line): Line {
  return {
    rounds: one.rounds + other.rounds,
    checks: one.checks + other.checks,
    violations: one.violations + other.violations,
  }
}

/** What is asked for: by default one round of each fault, with a seed that is told. */
function read(args: readonly string[], known: readonly string[]): TortureArgs | { readonly problem: string } {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({ args: [...args], options: { rounds: text, seed: text, fault: text, round: text } })
    const { rounds = '1', seed = `${Math.floor(Math.random() * 1_000_000)}`, fault, round } = values
    if (values.rounds !== undefined && round !== undefined) return { problem: '--rounds and --round exclude each other' }
    if (!/^\d{1,15}$/.test(seed)) return { problem: `--seed takes a whole number, not "${seed}"` }
    const bad = Object.entries({ rounds, round: round ?? '1' }).find(([, value]) => !/^[1-9]\d{0,8}$/.test(value))
    if (bad) return { problem: `--${bad[0]} takes a whole number from 1, not "${bad[1]}"` }
    if (fault !== undefined && !known.includes(fault)) return { problem: `no fault "${fault}"; there are ${known.join('; ')}` }
    const names = fault === undefined ? known : [fault]
    return { seed: Number(seed), names, first: Number(round ?? '1'), last: Number(round ?? rounds) }
  } catch (error) {
    return { problem: (error as Error).message.replaceAll('\n', ' ') }
  }
}

function formatTable(table: ReadonlyMap<string, Line>): string {
  const titles = ['fault', 'rounds', 'checks', 'violations']
  const rows = [...table].map(([name, { rounds, checks, violations }]) => [name, ...[rounds, checks, violations].map(String)])
  const widths = titles.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]!.length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join(' | ')} |`
  return [line(titles), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

// The server that all rounds share ends with this process.
if (import.meta.main)
  process.exit(await torture(process.argv.slice(2), { faults, write: text => void process.stdout.write(text) }))
