// The row of a live projection. It is folded from the stream of its instance when it is asked for.
import { UnreadableEvent } from '../definitions/event/read.ts'
import { streamName } from '../definitions/event/stream-name.ts'
import { encodeRow, foldEvent, rowEvents } from '../definitions/projection/fold.ts'
import type { ProjectionSpec } from '../definitions/projection/projection.ts'
import type { Table } from '../ports/read-model/tables.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import { streamPages } from '../ports/store/pages.ts'
import type { Store } from '../ports/store/store.ts'
import type { RowRead } from './read-from.ts'
import { StaleRead } from './stale-read.ts'

type LiveRowOptions = {
  readonly store: Pick<Store, 'read' | 'load'>
  readonly projection: ProjectionSpec
  readonly key: string
  /** Called with the error of an event that could not be folded. */
  readonly report: Report
}

/**
 * Folds the row of a key. It includes everything up to its own last event. Rejects with StaleRead if an event cannot be
 * folded.
 */
export async function readLiveRow({ store, projection, key, report }: LiveRowOptions): Promise<RowRead> {
  let row: object | null = null
  let position = 0
  const orPark = <T>(at: number, parked: number, fold: () => T): T => {
    try {
      return fold()
    } catch (error) {
      // An event that this release cannot read has an error of its own.
      if (error instanceof UnreadableEvent) throw error
      const message = `${projection.name} ${key}: the event at ${parked} could not be folded: ${String(error)}`
      const fields = { projection: projection.name, key, position: parked }
      report(new Notice({ level: 'error', code: 'live-row-failed', message, fields, cause: error }))
      throw new StaleRead(projection.name, 'parked', at, parked, parked)
    }
  }
  for (const category of projection.families.keys())
    for await (const page of streamPages(store, streamName(category, key)))
      for (const stored of page)
        orPark(position, stored.position, () => {
          for (const event of rowEvents(projection, stored)) {
            row = foldEvent(projection, row, event)
            position = stored.position
          }
        })
  const found = row && { key, data: orPark(position - 1, position, () => encodeRow(projection, row!).data), position }
  return { found, position, table: liveTable(projection), incomplete: null }
}

/** A live projection keeps no rows, so its table is only a name. */
export function liveTable({ name }: ProjectionSpec): Table {
  return { name, indexes: [] }
}
