// The verb why beside a running server, which knows more than the store.
import { afterEach, expect, test } from 'bun:test'
import { readConfig } from '../config.ts'
import { memory } from '../ports/store/memory.ts'
import { freePort } from '../test-support/servers/free-port.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { askWatch } from './ask-watch.ts'
import { whyVerb } from './why.ts'

afterEach(cleanUp)

const LOCK = { cause: 'lock-idle', subject: 'log', mend: 'End it.', chain: [], times: 3, since: '2026-01-31T12:00:00.000Z' }
const OPEN = { ...LOCK, sentence: 'The server sees it.', ended: null }
const ENDED = { ...LOCK, sentence: 'It is over.', ended: '2026-01-31T12:05:00.000Z' }

/** A server that gives one answer to everything. It is asked as the verb asks. */
function answering(answer: () => Response | Promise<Response>) {
  const asked: (readonly [search: string, bearer: string | null])[] = []
  const server = Bun.serve({
    port: 0,
    fetch: request => {
      asked.push([new URL(request.url).search, request.headers.get('authorization')])
      return answer()
    },
  })
  cleanUpLater(() => server.stop(true))
  return { asked, config: readConfig({ PORT: String(server.port), ADMIN_TOKEN: 'a-secret-of-sixteen' }) }
}

test('why shows what the server sees first, and what is over at the end, and ends with 1 only for what goes on', async () => {
  const { config, asked } = answering(() => Response.json({ status: 'pass', stalls: [OPEN, ENDED] }))
  const { code, out } = await runVerb(whyVerb, { store: memory(), config })
  expect([code, out.split('\n').filter(line => !line.startsWith('  →'))]).toEqual([
    1,
    [
      ...['The server sees it.', '  lock-idle, since 2026-01-31T12:00:00.000Z', ''],
      ...['It is over.', '  lock-idle, since 2026-01-31T12:00:00.000Z, over at 2026-01-31T12:05:00.000Z', ''],
    ],
  ])
  expect(asked).toEqual([['?verbose', 'Bearer a-secret-of-sixteen']])
  const over = answering(() => Response.json({ stalls: [ENDED] }, { status: 503 }))
  const later = await runVerb(whyVerb, { store: memory(), config: over.config })
  expect([later.code, later.out.split('\n').slice(0, 3)]).toEqual([0, ['nothing stands still', '', 'It is over.']])
})

test('why says what both know once, as the server says it', async () => {
  const { config } = answering(() => Response.json({ stalls: [OPEN] }))
  const blocked = { waitMs: 900, holdsLog: false, waitsForLog: true, blockedBy: [1] }
  const session = { application: 'psql', isOurs: false, state: 'idle in transaction', waitsFor: null, query: null, stateMs: 900 }
  const sessions = [
    { ...session, pid: 1, waitMs: null, holdsLog: true, waitsForLog: false, blockedBy: [] },
    { ...session, pid: 2, ...blocked },
  ]
  const store = { ...memory(), readWaits: async () => ({ sessions, grant: null, wal: null }) }
  const { out } = await runVerb(whyVerb, { store, config, json: true })
  expect(JSON.parse(out)).toEqual({ stalls: [OPEN] })
})

test('why goes on with the store alone where no server is, which it says, and where the server does not tell it', async () => {
  const alone = readConfig({ PORT: String(freePort()) })
  expect(await runVerb(whyVerb, { store: memory(), config: alone })).toEqual({
    ...{ code: 0, out: 'nothing stands still\n' },
    err: `no server answers on port ${alone.PORT}, so this is what the store says alone\n`,
  })
  const { config } = answering(() => Response.json({ title: 'Forbidden' }, { status: 403 }))
  const { code, err } = await runVerb(whyVerb, { store: memory(), config })
  expect([code, err]).toEqual([0, 'what the server itself knows is left out: the server answered 403: Forbidden\n'])
})

test('a server that takes the connection and does not answer is named as one whose event loop is blocked', async () => {
  const { config } = answering(() => new Promise<Response>(() => {}))
  expect(await askWatch({ config, base: '' }, 1)).toMatchObject([{ cause: 'event-loop', subject: 'process', ended: null }])
})
