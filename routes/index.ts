export { type App, type AppOptions, app } from './app.ts'
export { type CommandMaker, handle } from './commands.ts'
export type { Actor, Guard } from './context.ts'
