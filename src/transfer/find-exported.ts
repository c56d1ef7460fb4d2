// Tells whether a file is an export of this same log. An import of it would append its events a second time.
import type { Log } from '../ports/store/log.ts'
import { linesOf } from './lines.ts'

/** How many lines are read. An export's first line is already an event. */
const LINES_MAX = 100

/**
 * Finds an event among the first lines of a file that the log has at the same place. Gives its id; null: there is none.
 */
export async function findExported(store: Log, file: string): Promise<string | null> {
  let many = 0
  for await (const page of linesOf(file))
    for (const one of page) {
      const id = one.problem === undefined ? await sameId(store, one.record) : null
      if (id !== null || ++many === LINES_MAX) return id
    }
  return null
}

async function sameId(store: Log, line: string): Promise<string | null> {
  const { id, stream, version } = placeOf(line)
  if (typeof id !== 'string' || typeof stream !== 'string' || !Number.isSafeInteger(version)) return null
  const [stored] = await store.read(stream, { after: (version as number) - 1, limit: 1 })
  return stored?.id === id ? id : null
}

/** Reads the place of an event from a line. The import itself reports wrong lines. */
function placeOf(line: string): { readonly id?: unknown; readonly stream?: unknown; readonly version?: unknown } {
  try {
    return (JSON.parse(line) as object | null) ?? {}
  } catch {
    return {}
  }
}
