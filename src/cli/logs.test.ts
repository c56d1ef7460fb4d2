import { afterAll, expect, test } from 'bun:test'
import { app } from '../../routes/app.ts'
import { readConfig } from '../config.ts'
import { spec } from '../definitions/event/events.ts'
import { memory } from '../ports/store/memory.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { thing } from '../test-support/shop.ts'
import { until } from '../test-support/servers/until.ts'
import { levelsVerb } from './levels.ts'
import { followLogs, followNodes, logsVerb } from './logs.ts'
import type { Values } from './verb.ts'

afterAll(cleanUp)

const TOKEN = 'a-token-of-16-characters'

async function serve() {
  const config = readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: TOKEN })
  const served = app({ serve: [thing], store: memory(), config, report: () => {}, requestRecords: false })
  const { report } = await served[spec].start()
  const open = (port: number) => Bun.serve({ fetch: served.fetch, port, hostname: '127.0.0.1', development: false })
  let server = open(0)
  cleanUpLater(() => served[spec].stop())
  cleanUpLater(() => server.stop(true))
  /** Cuts all connections off. */
  const restart = async () => {
    const { port } = server
    await server.stop(true)
    server = open(port!)
  }
  const stop = () => server.stop(true)
  const port = server.port!
  const start = () => {
    server = open(port)
  }
  return {
    report,
    restart,
    stop,
    start,
    node: `127.0.0.1:${server.port}`,
    environment: { PORT: String(server.port), ADMIN_TOKEN: TOKEN },
  }
}
const park = (report: Report, key: string) =>
  report(new Notice({ level: 'warn', code: 'key-parked', message: `${key} is parked.`, fields: { key } }))

test('logs shows what a running server recorded last, readable or as JSON, by level and code', async () => {
  const { report, environment } = await serve()
  park(report, 'o1')
  report(new Notice({ level: 'info', code: 'retry-ended', message: 'It is over.' }))
  const config = readConfig(environment)
  const { code, out, err } = await runVerb(logsVerb, { config })
  expect([code, err, out]).toEqual([0, '', expect.stringContaining(' WARN o1 is parked.\n  code=key-parked key=o1\n')])
  expect(out).toContain(' INFO It is over.\n')
  const json = await runVerb(logsVerb, { config, json: true, values: { code: 'key', level: 'warn' } })
  expect(JSON.parse(json.out)).toMatchObject({ code: 'key-parked', key: 'o1' })
})

test('logs says why it shows nothing: no server, no access, an option that is none', async () => {
  const { environment } = await serve()
  const ended = async (more: Readonly<Record<string, string>>, values = {}) => {
    const { code, out, err } = await runVerb(logsVerb, { config: readConfig({ ...environment, ...more }), values })
    expect([code, out]).toEqual([1, ''])
    return err
  }
  expect(await ended({ ADMIN_TOKEN: 'another-token-of-characters' })).toContain('the server answered 401')
  expect(await ended({ ADMIN_TOKEN: 'another-token-of-characters' }, { follow: true })).toContain('the server answered 401')
  expect(await ended({}, { level: 'loud' })).toContain('#/level expected one of debug, info, warn, error')
  expect(await ended({ PORT: '1' })).toContain('no answer from the server on PORT')
})

test('logs --follow goes on with what comes, each record once, also after its server has cut it off', async () => {
  const { report, restart, environment } = await serve()
  park(report, 'o1')
  const lines: string[] = []
  const call = { config: readConfig(environment), base: '', values: { follow: true, code: 'key-parked' } }
  const stop = new AbortController()
  const print = (line: string) => void lines.push((JSON.parse(line) as { readonly key: string }).key)
  const following = followLogs(call, print, stop.signal)
  await until('the first one is shown', () => lines.length === 1)
  park(report, 'o2')
  await until('the second one is shown', () => lines.length === 2)
  await restart()
  park(report, 'o3')
  await until('the third one is shown', () => lines.length === 3)
  stop.abort()
  expect([await following, lines]).toEqual([0, ['o1', 'o2', 'o3']])
})

test('logs --url shows the records of several nodes by time, each with its node, and says which node is away', async () => {
  const [one, other] = [await serve(), await serve()]
  const config = readConfig({ ADMIN_TOKEN: TOKEN })
  const url = `http://${one.node},http://${other.node}/`
  for (const [node, key] of [
    [one, 'o1'],
    [other, 'o2'],
    [one, 'o3'],
  ] as const) {
    park(node.report, key)
    const since = Date.now()
    await until('the clock has moved on', () => Date.now() > since)
  }
  const values = { url, code: 'key-parked' }
  const both = await runVerb(logsVerb, { config, json: true, values })
  const found = (out: string) =>
    out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { key: string; node: string })
  const shown = (out: string) => found(out).map(({ key, node }) => [key, node])
  expect([both.code, shown(both.out)]).toEqual([
    0,
    [
      ['o1', one.node],
      ['o2', other.node],
      ['o3', one.node],
    ],
  ])
  await other.stop()
  const left = await runVerb(logsVerb, { config, json: true, values })
  expect([left.code, shown(left.out)]).toEqual([
    1,
    [
      ['o1', one.node],
      ['o3', one.node],
    ],
  ])
  expect(left.err).toContain(`no answer from ${other.node}`)
})

test('logs --follow --url goes on while one node is away, and takes up where it was once that is back', async () => {
  const [one, other] = [await serve(), await serve()]
  const lines: string[] = []
  const values = { follow: true, code: 'key-parked', url: `http://${one.node},http://${other.node}` }
  const stop = new AbortController()
  const print = (line: string) => {
    const { key, node } = JSON.parse(line) as { readonly key: string; readonly node: string }
    lines.push(`${key} ${node}`)
  }
  const following = followNodes({ config: readConfig({ ADMIN_TOKEN: TOKEN }), base: '', values }, print, stop.signal)
  park(one.report, 'o1')
  park(other.report, 'o2')
  await until('both are shown', () => lines.length === 2)
  await other.stop()
  park(other.report, 'o3')
  park(one.report, 'o4')
  await until('the one that runs goes on', () => lines.includes(`o4 ${one.node}`))
  expect(lines).not.toContain(`o3 ${other.node}`)
  other.start()
  await until('the other is back', () => lines.includes(`o3 ${other.node}`))
  stop.abort()
  expect([await following, lines.toSorted()]).toEqual([
    0,
    [`o1 ${one.node}`, `o2 ${other.node}`, `o3 ${other.node}`, `o4 ${one.node}`],
  ])
})

test('levels shows and changes what a running server prints, and says why it cannot', async () => {
  const config = readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: TOKEN, LOG_LEVEL: 'warn' })
  const served = app({ serve: [thing], store: memory(), config, requestRecords: false })
  const server = Bun.serve({ fetch: served.fetch, port: 0, hostname: '127.0.0.1', development: false })
  cleanUpLater(() => served[spec].stop())
  cleanUpLater(() => server.stop(true))
  const asked = { config: readConfig({ PORT: String(server.port), ADMIN_TOKEN: TOKEN }) }
  const run = (words: readonly string[], values: Values = {}) => runVerb(levelsVerb, { ...asked, words, values })
  expect(await run([])).toMatchObject({ code: 0, out: 'warn\n' })
  expect(await run(['warn,command=debug'])).toMatchObject({ code: 0, out: 'warn,command=debug; LOG_LEVEL is warn\n' })
  const timed = await run(['debug'], { for: '10 minutes' })
  expect([timed.code, timed.out]).toEqual([0, expect.stringMatching(/^debug until 20\S+; LOG_LEVEL is warn\n$/)])
  expect(await run(['loud'])).toMatchObject({ code: 1, err: expect.stringContaining('#/levels expected one of') })
  expect(await run([], { configured: true })).toMatchObject({ code: 0, out: 'warn\n' })
  expect(runVerb(levelsVerb, { ...asked, words: ['info'], values: { configured: true } })).rejects.toThrow(/takes no LEVELS/)
  expect(runVerb(levelsVerb, { ...asked, values: { for: '1 hour' } })).rejects.toThrow(/needs LEVELS/)
})
