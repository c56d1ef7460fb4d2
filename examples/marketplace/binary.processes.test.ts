import { afterAll, beforeAll, describe } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveProcess } from '../../src/test-support/served-process.ts'
import { marketplaceHttp } from './contract/index.ts'

const BUILD = [
  '--compile',
  '--bytecode',
  '--format=esm',
  '--minify',
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
]
const folder = mkdtempSync(join(tmpdir(), 'emaki-binary-'))
const binary = join(folder, 'marketplace')

beforeAll(() => {
  const { success, stderr } = Bun.spawnSync([
    process.execPath,
    'build',
    ...BUILD,
    join(import.meta.dir, 'by-hand.ts'),
    '--outfile',
    binary,
  ])
  if (!success) throw new Error(stderr.toString())
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('the marketplace as one compiled binary', () => {
  marketplaceHttp(() => serveProcess([binary], { SQLITE_FILE: join(folder, 'log.db'), LEASE_MS: '500' }))
})
