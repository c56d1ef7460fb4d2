import type { Breach, Seal } from '../promises.ts'

export const NOW = 1_700_000_000_123

export const breach = (subject: string, changed: Partial<Breach> = {}): Breach => ({
  ...{ promise: 'rows', subject, message: `The row ${subject} is wrong.`, foundBy: 'audit', at: NOW },
  ...changed,
})

export const seal = (after: number, changed: Partial<Seal> = {}): Seal => ({
  ...{ after, until: after + 1_000, count: 1_000, digest: `d${after}`, lastAt: '2026-01-31T12:00:00.000Z', epoch: 1 },
  ...changed,
})
