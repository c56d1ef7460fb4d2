// A real fault for each alert. What else fires by nature is said, with its reason.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sqlite } from '../../../src/adapters/sqlite/index.ts'
import { mountFolder } from '../../../src/test-support/file-systems.ts'
import { holdLock } from '../../../src/test-support/hold-lock.ts'
import { freePort } from '../../../src/test-support/servers/free-port.ts'
import { type FaultProxy, startProxy } from '../../../src/test-support/servers/proxy.ts'
import type { PostgresServer } from '../../../src/test-support/servers/postgres.ts'
import { spec } from '../../../src/definitions/event/events.ts'
import { Rare } from './fault-app.ts'
import type { Rig, RigOptions } from './rig.ts'

export type Fault = {
  readonly alert: string
  /** What fires as well, by nature, and why Alertmanager does not leave it out. */
  readonly follows?: Readonly<Record<string, string>>
  readonly nodes?: number
  readonly needsPostgres?: boolean
  /** Left to the whole form: the quick one has two minutes. */
  readonly isLong?: boolean
  /** What the app is started with. */
  readonly setUp?: (server: PostgresServer) => Partial<RigOptions>
  readonly plant: (rig: Rig) => Promise<unknown>
}

export const FAULTS: readonly Fault[] = [
  { alert: 'EmakiDown', plant: async ({ nodes }) => process.kill(nodes[0]!.pid, 'SIGKILL') },
  {
    alert: 'EmakiErrorBudgetFast',
    plant: async rig => rig.keep(100, () => fetch(`${rig.url}/broken`)),
  },
  {
    alert: 'EmakiErrorBudgetSlow',
    isLong: true,
    // One of a hundred requests fails: too few for the fast one.
    plant: async rig => rig.keep(20, i => fetch(`${rig.url}/${i % 89 === 0 ? 'broken' : 'things/fine-1'}`)),
  },
  {
    alert: 'EmakiPromiseBroken',
    needsPostgres: true,
    plant: async rig => {
      for (let i = 0; i < 3; i++) await rig.act('holed', 'fine')
      await rig.sql`set session_replication_role = replica`
      await rig.sql`delete from emaki.events where stream = 'thing-holed' and version = 2`
      // A process that has just begun loads the stream.
      await rig.nodes[0]!.crash()
      await fetch(`${rig.nodes[0]!.url}/thing/holed/do`, { method: 'POST', headers: JSON_TYPE, body: '{"what":"fine"}' })
    },
  },
  // The database does not answer, and nobody closes a connection.
  throughProxy('EmakiAppendStalled', (proxy, rig) => {
    keepWaiting(rig)
    proxy.swallow(true)
  }),
  {
    alert: 'EmakiAppendSlow',
    isLong: true,
    needsPostgres: true,
    // Somebody has added a trigger.
    plant: async ({ sql }) => {
      await sql.unsafe(
        `create function emaki.audit() returns trigger language plpgsql as $$ begin perform pg_sleep(0.4); return null; end $$`,
      )
      await sql.unsafe('create trigger audit after insert on emaki.events for each statement execute function emaki.audit()')
    },
  },
  {
    alert: 'EmakiLockHeld',
    needsPostgres: true,
    plant: async rig => {
      keepWaiting(rig)
      rig.later(await holdLock(rig.sql, 'select pg_advisory_xact_lock(emaki.lock_key_v1())'))
    },
  },
  {
    alert: 'EmakiConflicts',
    isLong: true,
    plant: async rig => rig.keep(200, () => rig.post('/thing/fine-1/do', { what: 'fine' }, { 'If-Match': '"999999"' })),
  },
  { alert: 'EmakiLagging', isLong: true, plant: async rig => rig.keep(100, i => rig.act(`slow-${i % 20}`, 'slow')) },
  { alert: 'EmakiStuck', plant: rig => rig.act('hung', 'hang') },
  {
    alert: 'EmakiUnowned',
    needsPostgres: true,
    plant: rig =>
      rig.sql`update emaki.leases set owner = 'elsewhere', epoch = epoch + 1, until = now() + interval '1 hour' where name = 'worker'`,
  },
  {
    alert: 'EmakiFailing',
    needsPostgres: true,
    plant: async rig => {
      await rig.sql`alter table emaki.rows_rares_v1 rename to gone`
      await rig.post('/rare/one/happen', {})
    },
  },
  { alert: 'EmakiRetrying', plant: rig => rig.act('failing', 'fail') },
  {
    alert: 'EmakiOverdue',
    isLong: true,
    follows: { EmakiRetrying: 'that of the command, whose preparation does not end: it says why' },
    plant: rig => rig.act('sending', 'send'),
  },
  {
    alert: 'EmakiTakeovers',
    isLong: true,
    needsPostgres: true,
    nodes: 2,
    // Each node stands still in turn, for longer than its lease.
    plant: async rig =>
      rig.keep(300, async i => {
        const { pid } = rig.nodes[i % 2]!
        signal(pid, 'SIGSTOP')
        await Bun.sleep(2_500)
        signal(pid, 'SIGCONT')
      }),
  },
  { alert: 'EmakiParked', plant: rig => rig.act('poisoned', 'poison') },
  {
    alert: 'EmakiReceiverDown',
    setUp: () => ({ environment: { RECEIVER: `http://127.0.0.1:${freePort()}/` } }),
    plant: async () => {},
  },
  {
    alert: 'EmakiPoolExhausted',
    isLong: true,
    needsPostgres: true,
    // More readers than connections, all the time.
    plant: async rig => {
      for (let i = 0; i < 60; i++) rig.keep(0, () => fetch(`${rig.url}/rares/none`, { signal: rig.signal }))
    },
  },
  // A notification begins with an A. Everything else passes.
  throughProxy('EmakiNotListening', proxy => proxy.onServerData(bytes => (bytes[0] === 'A'.charCodeAt(0) ? 'drop' : 'forward'))),
  {
    alert: 'EmakiDiskFills',
    isLong: true,
    setUp: () => ({ folder: mountFolder('size=200m') }),
    plant: async rig => rig.keep(500, async i => writeFileSync(join(rig.folder, `junk-${i}`), Buffer.alloc(150_000, 1))),
  },
  { alert: 'EmakiMemoryGrows', isLong: true, plant: rig => rig.act('leaking', 'leak') },
  { alert: 'EmakiLoopBlocked', plant: rig => rig.act('blocking', 'block') },
  {
    alert: 'EmakiFinding',
    isLong: true,
    setUp: () => ({ prepare: writeFiveWeeks }),
    plant: async () => {},
  },
  {
    alert: 'EmakiTelemetryDropped',
    isLong: true,
    plant: async rig => {
      for (let from = 0; from < 1_000; from += 50)
        await Promise.all(Array.from({ length: 50 }, (_, i) => rig.post('/thing/refused/refuse', { code: `code-${from + i}` })))
      rig.keep(100, i => rig.post('/thing/refused/refuse', { code: `more-${i}` }))
    },
  },
]

/** A fault of the network between the app and its database. */
function throughProxy(alert: string, fail: (proxy: FaultProxy, rig: Rig) => void): Fault {
  let proxy: FaultProxy
  return {
    alert,
    needsPostgres: true,
    isLong: alert === 'EmakiNotListening',
    setUp: server => {
      proxy = startProxy({ host: '127.0.0.1', port: server.port })
      return { through: url => proxy.url(url) }
    },
    plant: async rig => {
      rig.later(() => proxy.stop())
      fail(proxy, rig)
    },
  }
}
const JSON_TYPE = { 'Content-Type': 'application/json' }

/** Has commands wait all the time, also where each is answered late. */
function keepWaiting(rig: Rig): void {
  for (let i = 0; i < 5; i++) rig.keep(50, () => rig.act(`waiting-${i}`, 'fine'))
}

/** Sends a signal to a process, if it is there. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

const HOUR_MS = 3_600_000
const WEEKS_MS = 5 * 168 * HOUR_MS

/** A log in which something happened twenty times an hour for five weeks, and not in the last three hours. */
async function writeFiveWeeks(file: string): Promise<void> {
  let now = Date.now() - WEEKS_MS
  const store = sqlite(file, { now: () => now })
  await store.open()
  const schema = Rare[spec].types.get('Happened')!.fingerprint
  for (let version = 0; now < Date.now() - 3 * HOUR_MS; now += HOUR_MS) {
    const rows = Array.from({ length: 20 }, () => ({ id: Bun.randomUUIDv7(), type: 'Happened', schema, data: '{}', meta: META }))
    await store.append([{ slices: [{ stream: 'rare-1', expect: version, events: rows }], keys: [] }])
    version += rows.length
  }
  await store.close()
}
const META = '{"correlation":"c","causation":"c"}'
