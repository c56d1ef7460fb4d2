import type { Bus } from '../bus.ts'

/** A bus, and what it reported of listeners that failed. */
export type TestedBus = { readonly bus: Bus; readonly reported: readonly unknown[] }

export type BusCase = { readonly title: string; readonly run: (tested: TestedBus) => Promise<void> }
