#!/usr/bin/env bun
// emaki VERB --app FILE: the verbs of an app's own main, for an app without one.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { App } from '../../routes/app.ts'
import { main } from './main.ts'

const argv = process.argv.slice(2)
const at = argv.indexOf('--app')
const file = resolve(at < 0 ? 'app.ts' : (argv[at + 1] ?? ''))
if (!existsSync(file)) {
  console.error(`${file} does not exist; --app names the file whose default export is app({ serve })`)
  process.exit(64)
}
const { default: app } = (await import(file)) as { default: App }
await main(app, at < 0 ? argv : argv.toSpliced(at, 2))
