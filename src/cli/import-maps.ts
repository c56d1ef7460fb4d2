import type { ImportMap } from '../transfer/import-map.ts'

/** Maps by name, for `--map`. A binary has only these; a source may also name a file. */
export type ImportMaps = Readonly<Record<string, ImportMap>>
