// compare: whether one version is slower than another.
import { paintFor } from '../lib/paint.ts'
import { type ComparedSide, type SpeedComparison, compare } from '../testing/speed/compare.ts'
import { CompareError } from '../testing/speed/refusal.ts'
import type { SpeedLook } from '../testing/speed/verdict.ts'
import { EXIT } from './exit-codes.ts'
import { table } from './table.ts'
import { Misused, numberOf, type Tool, type ToolCall, textOf, type Values } from './verb.ts'

/** Neither slower, nor faster, nor the same: the code of sysexits for "try again". */
const UNDECIDED = 75

export const compareTool: Tool = {
  takes: 'A B',
  does: `tell whether B is slower than A, folders or git refs; exit code 1: slower, ${UNDECIDED}: undecided`,
  options: {
    bench: { takes: 'FILE', does: 'the bench, a module whose default export is called and timed; as it is called in both' },
    margin: { takes: 'PERCENT', does: 'by how much B has to be slower to be called so; default: 5' },
    pairs: { takes: 'N', does: 'the pairs of runs at most; default: 40' },
    seconds: { takes: 'N', does: 'how long to measure at most; default: 120' },
    seed: { takes: 'N', does: 'what the order within pairs is drawn from; default: 1' },
  },
  json: true,
  run: compareSides,
}

async function compareSides({ words, values, json }: ToolCall): Promise<number> {
  const [before, after] = words
  const bench = textOf(values, 'bench')
  if (before === undefined || after === undefined) throw new Misused('compare takes two sides: folders, or git refs')
  if (bench === undefined) throw new Misused('compare takes --bench FILE')
  try {
    const options = { bench, ...limitsOf(values), onLook: showLook }
    const found = await compare(before, after, options)
    console.log(json ? JSON.stringify(found) : textOfComparison(found))
    if (found.verdict === 'undecided') return UNDECIDED
    return found.verdict === 'slower' ? EXIT.PROBLEM : 0
  } catch (error) {
    if (!(error instanceof CompareError)) throw error
    console.error(error.message)
    return EXIT.USAGE
  }
}

function limitsOf(values: Values) {
  const percent = numberOf(values, 'margin', 1)
  if (percent !== undefined && percent > 99) throw new Misused(`--margin takes a percentage from 1 to 99; found ${percent}`)
  const [pairs, seconds, seed] = [numberOf(values, 'pairs', 10), numberOf(values, 'seconds', 1), numberOf(values, 'seed', 0)]
  return {
    ...(percent !== undefined && { margin: percent / 100 }),
    ...(pairs !== undefined && { pairs }),
    ...(seconds !== undefined && { seconds }),
    ...(seed !== undefined && { seed }),
  }
}

function showLook({ pairs, verdict, ...interval }: SpeedLook): void {
  console.error(`after ${pairs} pairs: ${intervalText(interval)}: ${verdict}`)
}

const VERDICTS: Readonly<Record<SpeedLook['verdict'], (before: string, after: string, percent: string) => string>> = {
  slower: (before, after, percent) => `${after} is slower than ${before} by more than ${percent}`,
  faster: (before, after, percent) => `${after} is faster than ${before} by more than ${percent}`,
  same: (before, after, percent) => `${after} is as fast as ${before}, within ${percent}`,
  undecided: (before, after) => `undecided whether ${after} is slower than ${before}; more pairs or seconds may tell`,
}

function textOfComparison(found: SpeedComparison): string {
  const { verdict, before, after, margin, pairs, bench, unit } = found
  const { bold, red } = paintFor()
  const text = VERDICTS[verdict](before.name, after.name, `${Math.round(margin * 100)} %`)
  const rows = [before, after].map(side => [side.name, `${figureText(side.median)} ${unit}`, commitText(side)])
  return [
    (verdict === 'slower' ? red : bold)(text),
    `It takes ${intervalText(found)} times as long in ${bench}, by ${pairs} pairs.`,
    table(['SIDE', 'MEDIAN', 'COMMIT'], rows),
  ].join('\n')
}

function intervalText({ ratio, low, high }: Pick<SpeedLook, 'ratio' | 'low' | 'high'>): string {
  return `${ratio.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`
}

function figureText(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(4)
}

function commitText({ commit, isDirty }: ComparedSide): string {
  if (commit === null) return 'in no repository'
  return `${commit.slice(0, 10)}${isDirty ? ', with uncommitted changes' : ''}`
}
