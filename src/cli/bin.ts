#!/usr/bin/env bun
// emaki VERB --app FILE: the verbs of an app's own main, for an app without one.
import { nameProgram } from '../lib/verb-command.ts'
import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { mountsApp, type Site } from '../../routes/site.ts'
import { appFile } from './app-file.ts'
import { EXIT } from './exit-codes.ts'
import { main } from './main.ts'
import { programOfEmaki } from './program.ts'
import { runTool, tools } from './tools.ts'
import { usageOf } from './usage.ts'
import { verbs } from './verbs.ts'

const asked = appFile(process.argv.slice(2))
if (!asked) refuse('--app takes a file')
const tool = asked.rest.find(word => !word.startsWith('-'))
if (tool !== undefined && Object.hasOwn(tools, tool)) process.exit(await runTool(tool, asked.rest))
const file = resolve(asked.file)
const isThere = existsSync(file) && statSync(file).isFile()
if (!isThere && asked.rest.includes('--help')) {
  console.log(usageOf({ ...verbs, ...tools }))
  process.exit(0)
}
if (!isThere) refuse(`${file} does not exist; --app names the file whose default export is app({ serve })`)
const { default: site } = (await import(file)) as { readonly default?: Partial<Site> }
if (!site?.routes || !site.fetch) refuse(`${file} has no default export that is app({ serve }), or a Hono app that mounts one`)
if (!mountsApp(site as Site)) refuse(`the default export of ${file} mounts no app({ serve }); mount one by .route`)
nameProgram(programOfEmaki(asked.named))
await main(site as Site, asked.rest)

function refuse(wrong: string): never {
  console.error(wrong)
  process.exit(EXIT.USAGE)
}
