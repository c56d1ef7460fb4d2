// Records of two nodes, gathered by Debian's syslog-ng as the recipe says, and asked by lnav.
import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { serveProcess } from '../../src/test-support/served-process.ts'
import { ensureDebian } from '../../src/test-support/servers/debian.ts'
import { freePort } from '../../src/test-support/servers/free-port.ts'
import { serverFolder } from '../../src/test-support/servers/server-user.ts'
import { supervise } from '../../src/test-support/servers/supervise.ts'
import { until } from '../../src/test-support/servers/until.ts'

afterAll(cleanUp)

const HERE = import.meta.dir
const folder = mkdtempSync(join(tmpdir(), 'emaki-logs-'))
cleanUpLater(() => rmSync(folder, { recursive: true, force: true }))
const all = join(folder, 'all.jsonl')

/** A recipe with the paths, the host and the port of this test. */
function recipe(name: string, port: number): string {
  const text = readFileSync(join(HERE, name), 'utf8')
    .replace(/\/var\/log\/emaki\/all-\S+\.jsonl/, all)
    .replaceAll('/var/log/emaki', join(folder, 'nodes'))
    .replaceAll('/var/lib/syslog-ng', folder)
    .replaceAll('logs.internal', '127.0.0.1')
    .replaceAll('0.0.0.0', '127.0.0.1')
    .replaceAll('6514', String(port))
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

async function startSyslog(config: string): Promise<void> {
  const files = ['persist-file', 'control', 'pidfile'].map(file => `--${file}=${config}.${file}`)
  const command = ['syslog-ng', '--foreground', '--no-caps', `--cfgfile=${config}`, ...files]
  const server = await supervise(command, { folder: serverFolder('syslog', undefined), user: undefined })
  cleanUpLater(() => server.end())
}

async function isOpen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = { open: (opened: Bun.Socket) => void opened.end(), data: () => {}, close: () => resolve(true) }
  Bun.connect({ hostname: '127.0.0.1', port, socket }).catch(() => resolve(false))
  return promise
}

/** An app whose records go to a file of the node, as a service manager does it. */
async function startNode(name: string): Promise<string> {
  const file = join(folder, 'nodes', `${name}.jsonl`)
  const command = ['sh', '-c', `exec bun examples/marketplace/main.ts 2>>'${file}'`]
  const served = await serveProcess(command, { SQLITE_FILE: join(folder, `${name}.db`), NODE_ENV: 'test' })
  cleanUpLater(async () => void (await served.stop()))
  return served.url
}

const linesOf = (text: string) => text.split('\n').filter(line => line)
const gathered = () => linesOf(Bun.spawnSync(['cat', all], { stderr: 'ignore' }).stdout.toString())

test('the records of two nodes come into one file, each with its node and its fields, and lnav counts them', async () => {
  await ensureDebian(['syslog-ng-core', 'lnav'])
  mkdirSync(join(folder, 'nodes'))
  const port = freePort()
  await startSyslog(recipe('syslog-ng-centre.conf', port))
  await until('the centre listens', () => isOpen(port))
  await startSyslog(recipe('syslog-ng-node.conf', port))
  const urls = await Promise.all(['east', 'west'].map(startNode))
  writeFileSync(join(folder, 'nodes', 'crashed.jsonl'), 'Segmentation fault\n{"body":"it is a record","code":"last"}\n')
  // A level that is changed is told by a record, in every node.
  for (const url of urls) expect((await fetch(`${url}/logs/levels?levels=debug`, { method: 'PUT' })).status).toBe(200)
  const isWhole = () => ['east', 'west'].every(node => gathered().some(line => isTold(line, node))) && gathered().some(isLast)
  await until('the records of both are there', isWhole)
  expect(gathered().filter(line => line.includes('Segmentation'))).toEqual([])
  for (const line of gathered()) expect(JSON.parse(line)).toMatchObject({ node: expect.any(String), file: expect.any(String) })
  expect(
    countByLnav("SELECT file, code, log_level, count(*) FROM emaki_log WHERE code = 'levels-changed' GROUP BY file"),
  ).toEqual(['east.jsonl,levels-changed,warning,1', 'west.jsonl,levels-changed,warning,1'])
})

const isTold = (line: string, node: string) => line.includes(`"file":"${node}.jsonl"`) && line.includes('"code":"levels-changed"')
const isLast = (line: string) => line.includes('"code":"last"')

function countByLnav(query: string): readonly string[] {
  const command = ['lnav', '-n', '-I', join(HERE, 'lnav'), '-c', `;${query}`, '-c', ':write-csv-to -', all]
  const { stdout, stderr } = Bun.spawnSync(command, { env: { PATH: process.env['PATH'], HOME: folder, TERM: 'dumb' } })
  expect(stderr.toString()).toBe('')
  return linesOf(stdout.toString()).slice(1)
}
