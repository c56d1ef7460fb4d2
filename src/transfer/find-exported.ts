// Whether a file tells of this very log: then reading it in would double what is there.
import type { Store } from '../store/store.ts'
import { linesOf } from './lines.ts'

/** How many lines are looked at: what an export wrote is there from its first line on. */
const LINES_MAX = 100

/** The id of one of a file's first events that stands in the log where the file says so; null: none does. */
export async function alreadyThere(store: Store, file: string): Promise<string | null> {
  let many = 0
  for await (const page of linesOf(file))
    for (const one of page) {
      const id = one.problem === undefined ? await sameId(store, one.record) : null
      if (id !== null || ++many === LINES_MAX) return id
    }
  return null
}

async function sameId(store: Store, line: string): Promise<string | null> {
  const { id, stream, version } = placed(line)
  if (typeof id !== 'string' || typeof stream !== 'string' || !Number.isSafeInteger(version)) return null
  const [stored] = await store.read(stream, { after: (version as number) - 1, limit: 1 })
  return stored?.id === id ? id : null
}

/** What is wrong with a line is told by who reads it in. */
function placed(line: string): { readonly id?: unknown; readonly stream?: unknown; readonly version?: unknown } {
  try {
    return (JSON.parse(line) as object | null) ?? {}
  } catch {
    return {}
  }
}
