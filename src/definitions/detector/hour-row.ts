// What a detector counts: the events of a type in each minute of an hour. Rows of an hour stand together.
import type { Recorded } from '../event/events.ts'
import { MINUTES } from './type-watch.ts'

/** How many positions of its last events a row has. */
export const EXAMPLES = 3

export type HourRow = {
  /** How many events each minute had. */
  readonly minutes: readonly number[]
  /** The positions of the last events. */
  readonly last: readonly number[]
}

/** The events of a type in an hour. */
export type HourCount = HourRow & {
  readonly subject: string
  /** The begin of the hour, in ms since 1970. */
  readonly hour: number
}

export const NO_EVENTS: HourRow = { minutes: new Array<number>(MINUTES).fill(0), last: [] }

type Counted = Pick<Recorded, 'category' | 'type' | 'at' | 'position'>

/** The key of an event's row: `2026-12-01T04 order.Placed`. The keys are in the order of time. */
export function hourKey({ at, category, type }: Counted): string {
  return `${at.slice(0, HOUR_LENGTH)} ${category}.${type}`
}
const HOUR_LENGTH = 'yyyy-mm-ddThh'.length

/** The key that comes before those of an hour. */
export function keyBefore(hour: number): string {
  return new Date(hour).toISOString().slice(0, HOUR_LENGTH)
}

export function countEvent({ minutes, last }: HourRow, { at, position }: Counted): HourRow {
  const minute = Number(at.slice(HOUR_LENGTH + 1, HOUR_LENGTH + 3))
  return { minutes: minutes.with(minute, minutes[minute]! + 1), last: [...last.slice(1 - EXAMPLES), position] }
}

/** Reads a stored row. */
export function readHour(key: string, data: string): HourCount {
  const subject = key.slice(HOUR_LENGTH + 1)
  return { ...(JSON.parse(data) as HourRow), subject, hour: Date.parse(`${key.slice(0, HOUR_LENGTH)}:00:00.000Z`) }
}
