import type { TestedStore } from '../contract/case.ts'

/** One promise of imports: `run` throws where it is not kept. `make` gives further stores. `share`: the part of random runs. */
export type ImportCase = {
  readonly title: string
  readonly run: (tested: TestedStore, make: () => Promise<TestedStore>, share?: number) => Promise<void>
}
