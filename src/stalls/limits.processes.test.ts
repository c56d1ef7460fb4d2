// What the system refuses to a server: room on a disk, and time of the processor. Each is named by `why`, and ends.
import { afterEach, describe, expect, test } from 'bun:test'
import { chownSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import createClient from 'postgres'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { canMount, mountFolder } from '../test-support/file-systems.ts'
import { canLimitProcessor, limitProcessor } from '../test-support/processor-quota.ts'
import { serveProcess } from '../test-support/served-process.ts'
import { startPostgres } from '../test-support/servers/postgres.ts'
import { serverUser } from '../test-support/servers/server-user.ts'
import { until } from '../test-support/servers/until.ts'
import { newFolder } from '../test-support/sqlite.ts'
import type { StallEpisode } from './episodes.ts'

afterEach(cleanUp)

const MAIN = join(import.meta.dir, '../../examples/marketplace/main.ts')
const SIZE = 16 * 1_048_576
const note = { customerId: 'c1', items: [{ sku: 'apple', qty: 1, price: 100 }] }

/** The marketplace in a process of its own, and what `why` says of it in another one. */
async function serve(environment: Readonly<Record<string, string>>) {
  const served = await serveProcess([process.execPath, MAIN], { LOG_LEVEL: 'info,request=off', ...environment })
  cleanUpLater(() => served.stop())
  let count = 0
  const place = async (many = 1) => {
    const answers = Array.from({ length: many }, () =>
      fetch(`${served.url}/order/o${++count}/place`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(note),
      }),
    )
    return (await Promise.all(answers)).map(({ status }) => status)
  }
  const why = async (): Promise<readonly StallEpisode[]> => {
    const env = { PATH: process.env['PATH'] ?? '', ...environment, PORT: new URL(served.url).port }
    const asked = Bun.spawn([process.execPath, MAIN, 'why', '--json'], { env, stdout: 'pipe', stderr: 'inherit' })
    return (JSON.parse(await new Response(asked.stdout).text()) as { stalls: readonly StallEpisode[] }).stalls
  }
  return { pid: served.pid, place, why }
}

/** Fills a disk to the last byte. Gives the function that makes room again. */
function fill(disk: string): () => void {
  const file = join(disk, 'filler')
  for (let size = SIZE; size >= 1; size = Math.floor(size / 2)) {
    try {
      while (true) writeFileSync(file, new Uint8Array(size), { flag: 'a' })
    } catch {
      // Less fits.
    }
  }
  return () => rmSync(file)
}

/** `why` names a full disk, the episode ends once there is room, and all that was accepted is there. */
async function expectFullDiskNamed(disk: string, { place, why }: Awaited<ReturnType<typeof serve>>): Promise<void> {
  expect(await place()).toEqual([201])
  const makeRoom = fill(disk)
  await until('a command is refused', async () => (await place()).includes(507))
  let named: StallEpisode | undefined
  await until('the disk is named', async () => {
    await place()
    named = (await why()).find(({ cause, ended }) => cause === 'disk' && !ended)
    return named !== undefined
  })
  expect(named).toMatchObject({ subject: 'log', mend: expect.stringMatching(/^Make room/), since: expect.any(String) })
  makeRoom()
  await until('a command is accepted again', async () => (await place()).includes(201))
  await until('it is over', async () => (await why()).some(({ cause, ended }) => cause === 'disk' && ended))
}

describe.skipIf(!canMount())('a full disk', () => {
  test('the full disk of a file is named, and the episode ends when there is room', async () => {
    const disk = mountFolder(`size=${SIZE}`)
    await expectFullDiskNamed(disk, await serve({ SQLITE_FILE: join(disk, 'log.db') }))
  })

  test('the full disk of a database is named, and the episode ends when there is room', async () => {
    const disk = mountFolder(`size=${SIZE * 4}`)
    const user = serverUser()
    if (user) chownSync(disk, user.uid, user.gid)
    await using server = await startPostgres()
    const url = await server.createDatabase()
    const sql = createClient(server.url, { max: 1, onnotice: () => {} })
    await sql.unsafe(`create tablespace small location '${disk}'`)
    await sql.unsafe(`alter database ${new URL(url).pathname.slice(1)} set tablespace small`)
    await sql.end()
    await expectFullDiskNamed(disk, await serve({ DATABASE_URL: url }))
    await cleanUp()
  })
})

test.skipIf(!canLimitProcessor())(
  'a process whose share of the processor is used up is named, and the episode ends',
  async () => {
    const { pid, place, why } = await serve({ SQLITE_FILE: join(newFolder(), 'log.db') })
    const end = limitProcessor(pid, 0.1)
    let named: StallEpisode | undefined
    await until('the quota is named', async () => {
      const [found] = await Promise.all([why(), place(50)])
      named = found.find(({ cause, ended }) => cause === 'cpu' && !ended)
      return named !== undefined
    })
    expect(named).toMatchObject({ subject: 'process', mend: expect.stringContaining('more processor time') })
    expect(named!.sentence).toMatch(/^The system held this process back for .* as it has used up its share of the processor\.$/)
    end()
    await until('it is over', async () => (await why()).some(({ cause, ended }) => cause === 'cpu' && ended))
  },
)
