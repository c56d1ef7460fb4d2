// What a detector counts: the events of a type in each minute of an hour, and what they follow. Rows of an hour stand together.
import type { Recorded } from '../event/events.ts'
import { MINUTES } from './type-watch.ts'

/** How many positions of its last events a row has. */
export const EXAMPLES = 3

export type HourRow = {
  /** How many events each minute had. */
  readonly minutes: readonly number[]
  /** The positions of the last events. */
  readonly last: readonly number[]
  /** What the events follow in their streams, by the type before them. STREAM_BEGIN: they are the first. */
  readonly follows: Readonly<Record<string, FollowsCount>>
}

/** Events of a type that follow another one. */
export type FollowsCount = {
  readonly events: number
  /** The minute of the first of them, and the positions of the first ones. */
  readonly minute: number
  readonly first: readonly number[]
}

/** Stands for the type before the first event of a stream. No event has such a type. */
export const STREAM_BEGIN = ''

/** The events of a type in an hour. */
export type HourCount = HourRow & {
  readonly subject: string
  /** The begin of the hour, in ms since 1970. */
  readonly hour: number
}

export const NO_EVENTS: HourRow = { minutes: new Array<number>(MINUTES).fill(0), last: [], follows: {} }

type Counted = Pick<Recorded, 'category' | 'type' | 'at' | 'position'> & {
  /** The type before it in its stream. Null: it is not known. */
  readonly follows: string | null
}

/** The key of an event's row: `2026-12-01T04 order.Placed`. The keys are in the order of time. */
export function hourKey({ at, category, type }: Pick<Counted, 'at' | 'category' | 'type'>): string {
  return `${at.slice(0, HOUR_LENGTH)} ${category}.${type}`
}
const HOUR_LENGTH = 'yyyy-mm-ddThh'.length

/** The key that comes before those of an hour. */
export function keyBefore(hour: number): string {
  return new Date(hour).toISOString().slice(0, HOUR_LENGTH)
}

export function countEvent(row: HourRow, { at, position, follows: before }: Counted): HourRow {
  const { minutes, last, follows } = row
  const minute = Number(at.slice(HOUR_LENGTH + 1, HOUR_LENGTH + 3))
  return {
    minutes: minutes.with(minute, minutes[minute]! + 1),
    last: [...last.slice(1 - EXAMPLES), position],
    follows: before === null ? follows : { ...follows, [before]: countFollows(follows[before], minute, position) },
  }
}

function countFollows(counted: FollowsCount | undefined, minute: number, position: number): FollowsCount {
  if (!counted) return { events: 1, minute, first: [position] }
  const { events, first } = counted
  return { events: events + 1, minute: counted.minute, first: first.length < EXAMPLES ? [...first, position] : first }
}

/** Reads a stored row. One of an earlier release does not say what its events follow. */
export function readHour(key: string, data: string): HourCount {
  const subject = key.slice(HOUR_LENGTH + 1)
  return {
    follows: {},
    ...(JSON.parse(data) as Omit<HourRow, 'follows'>),
    subject,
    hour: Date.parse(`${key.slice(0, HOUR_LENGTH)}:00:00.000Z`),
  }
}
