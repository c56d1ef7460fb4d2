export type { ImportMaps } from './import.ts'
export { main, type MainOptions } from './main.ts'
