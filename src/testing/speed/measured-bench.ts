// Measures a bench in a process of its own: bun measured-bench.ts FILE MS. What it found goes to the parent by IPC.
import { type BenchResult, measureBench } from './measure-bench.ts'

const [file = '', ms = ''] = process.argv.slice(2)
const result: BenchResult = await measureBench(await import(file), Number(ms))
process.send?.(result)
// What the bench leaves open, such as a pool, does not hold the process.
process.disconnect?.()
process.exit(0)
