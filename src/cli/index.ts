export type { ImportMaps } from './import-maps.ts'
export { main, type MainOptions } from './main.ts'
