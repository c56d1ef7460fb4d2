// Every curl of the pages, in the order of the pages, against the app that it is for.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServedProcess, serveProcess } from '../src/test-support/served-process.ts'
import { curl } from './testing/curl.ts'
import { curlsOf, ROOT, readPages } from './testing/pages.ts'

const pages = await readPages()
const curls = pages.flatMap(page => curlsOf(page).map(shown => ({ page: page.path, ...shown })))
/** Where the marketplace's log is when all has happened that follows from the README's commands. */
const SETTLED = 11

type Target = { readonly app: string; readonly belongs: (line: string) => boolean; readonly position?: number }
const isAccount = (line: string) => line.includes('localhost:3000/account/')
const isFines = (line: string) => line.includes('localhost:3000/totals')
const targets: readonly Target[] = [
  { app: 'examples/account.ts', belongs: isAccount },
  // Its log is empty here. docs.processes.test.ts imports the sample first.
  { app: 'examples/fines/main.ts', belongs: isFines },
  { app: 'examples/marketplace/main.ts', belongs: line => !isAccount(line) && !isFines(line), position: SETTLED },
]

for (const { app, belongs, position } of targets)
  describe(app, () => {
    const folder = mkdtempSync(join(tmpdir(), 'emaki-curl-'))
    let served: ServedProcess
    beforeAll(async () => {
      served = await serveProcess([process.execPath, join(ROOT, app)], { SQLITE_FILE: join(folder, 'log.db') })
    })
    afterAll(async () => {
      await served.stop()
      rmSync(folder, { recursive: true })
    })

    test(`at least one page shows a curl of ${app}`, () => expect(curls.filter(({ line }) => belongs(line))).not.toEqual([]))
    for (const { page, line, status, body } of curls.filter(({ line }) => belongs(line)))
      test(`${app} answers the curl as ${page} says: ${line}`, async () => {
        const answer = await curl(line, served.url, position)
        if (status) expect(answer.status).toBe(status)
        else expect(answer.status).toBeLessThan(300)
        for (const part of body?.split(' … ') ?? []) expect(answer.text).toContain(part.replace(/, …\}$/, ''))
      })
  })
