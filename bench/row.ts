import type { Duel, Measured } from './duel.ts'

/** A line of the table. With `failed`, it could not be measured; with `wrong`, what was stored is not what was acknowledged. */
export type Row = {
  readonly cell: string
  readonly variant: string
  readonly system: string
  readonly unit: string
  readonly value: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  /** In the same unit. */
  readonly limit: number
  /** What the ratio to the limit should be. */
  readonly target: string
  readonly spread: number
  readonly appUs: number | null
  readonly serverUs: number | null
  readonly note: string
  readonly noisy: boolean
  readonly wrong: string | null
  readonly failed: string | null
}

export type Place = { readonly cell: string; readonly variant: string; readonly unit: string; readonly target: string }

/** The rows of a cell: one for each contestant, and for what else it counted. Targets are Emaki's. */
export function rowsOf(place: Place, { limit, noisy, others }: Duel): Row[] {
  const broken = limit.wrong ?? limit.failed
  return others.flatMap(measured => {
    const row = rowOf(place, measured, limit.value, noisy)
    return [broken === null ? row : { ...row, wrong: `its limit: ${broken}` }, ...extrasOf(row, measured)]
  })
}

/** A limit by itself. */
export function limitRow(place: Place, measured: Measured): Row {
  const row = rowOf(place, measured, measured.value, false)
  return row.failed === null ? row : { ...row, wrong: row.failed }
}

/** A row of what was measured once, against a figure. */
export function plainRow(place: Place, system: string, value: number, limit: number, note = ''): Row {
  const nothing = { p50Ms: null, p99Ms: null, spread: 0, appUs: null, serverUs: null, noisy: false, wrong: null, failed: null }
  return { ...place, system, value, limit, note, ...nothing }
}

export function ratioOf({ value, limit }: Row): number | null {
  return limit === 0 ? null : value / limit
}

function rowOf(place: Place, { extras: _, ...measured }: Measured, limit: number, noisy: boolean): Row {
  return { ...place, ...measured, limit, noisy, target: measured.system === 'emaki' ? place.target : '' }
}

function extrasOf(row: Row, { extras }: Measured): Row[] {
  const { cell, variant, system } = row
  return extras.map(({ name, unit, value, limit }) =>
    plainRow({ cell, variant: `${variant}-${name}`, unit, target: '' }, system, value, limit),
  )
}
