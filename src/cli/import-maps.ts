import type { ImportMap } from '../transfer/import-map.ts'

/** Maps by the names that `--map` may give: a binary has no other, a source may also name a file. */
export type ImportMaps = Readonly<Record<string, ImportMap>>
