// main(app): no verb or `serve` serves; other verbs run and end. The same in source and in a binary.
import type { App } from '../../routes/app.ts'
import { ConfigError } from '../config.ts'
import { StoreError } from '../store/store.ts'
import { serve } from './serve.ts'

/** Runs the command line of an app, and ends the process with its exit code. */
export async function main(app: App, argv: readonly string[] = process.argv.slice(2)): Promise<never> {
  try {
    return process.exit(await run(app, argv))
  } catch (error) {
    console.error(error instanceof ConfigError || error instanceof StoreError ? error.message : error)
    return process.exit(error instanceof ConfigError ? error.exitCode : 1)
  }
}

async function run(app: App, argv: readonly string[]): Promise<number> {
  const [verb = 'serve'] = argv.filter(argument => !argument.startsWith('-'))
  switch (verb) {
    case 'serve':
      return serve(app)
    default:
      console.error(`there is no verb ${verb}; there are serve`)
      return 64
  }
}
