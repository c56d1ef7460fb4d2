// The table, a line at a time, as each is measured.
import { type Row, ratioOf } from './row.ts'

const columns: readonly (readonly [title: string, width: number, of: (row: Row) => string])[] = [
  ['cell', -5, row => row.cell],
  ['variant', -14, row => row.variant],
  ['system', -40, row => row.system],
  ['value', 9, row => figure(row.value)],
  ['unit', -10, row => row.unit],
  ['+-', 5, row => (row.spread ? percent(row.spread / 2) : '')],
  ['p50 ms', 8, row => milliseconds(row.p50Ms)],
  ['p99 ms', 8, row => milliseconds(row.p99Ms)],
  ['limit', 9, row => figure(row.limit)],
  ['ratio', 7, row => ratioOf(row)?.toFixed(2) ?? ''],
  ['target', -17, row => row.target],
  ['us app', 7, row => row.appUs?.toFixed(1) ?? ''],
  ['us db', 7, row => row.serverUs?.toFixed(1) ?? ''],
  ['', 0, remark],
]

export function heading(): string {
  return line(columns.map(([title, width]) => pad(title, width)))
}

export function lineOf(row: Row): string {
  if (row.failed !== null) return line([pad(row.cell, -5), pad(row.variant, -14), pad(row.system, -40), `not run: ${row.failed}`])
  return line(columns.map(([, width, of]) => pad(of(row), width)))
}

/** How Emaki did beside each rival of the same cell and variant. Values in ms are better when small. */
export function besideRivals(rows: readonly Row[]): readonly string[] {
  const ours = rows.find(({ system, failed }) => system === 'emaki' && failed === null)
  if (!ours || !(ours.unit === 'ms' || ours.unit === 'events/s')) return []
  return rows
    .filter(row => row.cell === ours.cell && row.variant === ours.variant && row.system !== 'emaki' && row.failed === null)
    .map(row => `      ${times(ours, row).toFixed(1)}x ${row.system}`)
}

function times(ours: Row, theirs: Row): number {
  return ours.unit === 'ms' ? theirs.value / ours.value : ours.value / theirs.value
}

function remark({ wrong, noisy, note }: Row): string {
  return [wrong === null ? '' : `WRONG: ${wrong}`, noisy ? 'noisy' : '', note].filter(Boolean).join('; ')
}

function figure(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en').replaceAll(',', ' ') : String(Number(value.toPrecision(3)))
}

function milliseconds(ms: number | null): string {
  return ms === null ? '' : ms.toFixed(ms < 10 ? 2 : 1)
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`
}

/** To the right where the width is positive. */
function pad(text: string, width: number): string {
  return width < 0 ? text.padEnd(-width) : text.padStart(width)
}

function line(cells: readonly string[]): string {
  return cells.join(' ').trimEnd()
}
