export { type App, type AppOptions, app, type Telemetry } from './app.ts'
export { type CommandMaker, handle } from './commands/commands.ts'
export type { Actor, Guard } from './context.ts'
export { receive } from './commands/inbox.ts'
