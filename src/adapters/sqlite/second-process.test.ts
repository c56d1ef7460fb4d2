import { afterEach, describe, expect, test } from 'bun:test'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { memoryBus } from '../../ports/bus/memory.ts'
import type { Unit } from '../../ports/store/unit.ts'
import { tail } from '../../subscription/tail.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { until } from '../../test-support/servers/until.ts'
import { sqlite } from './store.ts'
import { beginWriting, failureOf, newFolder, openLog, openStore, startScript, unit } from '../../test-support/sqlite.ts'

afterEach(cleanUp)

describe('a second process', () => {
  test('a second process is refused while the first serves the file, and serves it once that is gone', async () => {
    const file = join(newFolder(), 'log.db')
    const server = startScript(`
      const store = sqlite(${JSON.stringify(file)})
      await store.open()
      print('serving')
      await new Promise(resolve => setTimeout(resolve, 600_000))
      // A store that is not used any more is collected, and its lock is free.
      await store.close()`)
    await server.line()
    expect(await failureOf(sqlite(file).open())).toMatchObject({
      reason: 'refused',
      message: `${file} is already served by another process; stop it first, or use PostgreSQL for several`,
    })
    symlinkSync(file, `${file}-link`)
    expect(await failureOf(sqlite(`${file}-link`).open())).toMatchObject({ reason: 'refused' })
    const beside = await openStore(file, { exclusive: false })
    expect((await beside.append([unit('s-1', 0)])).map(({ outcome }) => outcome)).toEqual(['appended'])
    await server.kill()
    const store = await openStore(file)
    expect(await store.head()).toBe(1)
  })

  test('a second process writes beside the first with exclusive: false, and both have all of both in one order', async () => {
    const file = join(newFolder(), 'log.db')
    const store = await openStore(file)
    const beside = startScript(`
      const store = sqlite(${JSON.stringify(file)}, { exclusive: false })
      await store.open()
      print('begun')
      for (let i = 0; i < 100; i++) {
        const event = { id: Bun.randomUUIDv7(), type: 'Happened', schema: 'abcdefghij', data: '1', meta: '{}' }
        await store.append([{ slices: [{ stream: 's-child', expect: i, events: [event] }], keys: [] }])
      }
      await store.close()
      print('done')`)
    await beside.line()
    let appended = 0
    const done = beside.line()
    for (let racing = true; racing || appended < 100; appended++) {
      expect((await store.append([unit('s-parent', appended)]))[0]).toMatchObject({ outcome: 'appended' })
      racing = await Promise.race([done.then(() => false), new Promise<true>(resolve => setImmediate(() => resolve(true)))])
    }
    const events = await store.readAll({ after: 0, limit: 100_000 })
    expect(events.map(({ position }) => position)).toEqual(Array.from({ length: appended + 100 }, (_, i) => i + 1))
    expect(events.filter(({ stream }) => stream === 's-child')).toHaveLength(100)
    expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).toSorted())
  })

  test('64 creators of a stream, half of them in a second process, have exactly one winner', async () => {
    const file = join(newFolder(), 'log.db')
    const stores = [await openStore(file), await openStore(file, { exclusive: false })]
    const outcomes = await Promise.all(Array.from({ length: 64 }, (_, i) => stores[i % 2]!.append([unit('s-1', 0)])))
    expect(outcomes.flat().filter(({ outcome }) => outcome === 'appended')).toHaveLength(1)
    expect(await stores[1]!.head()).toBe(1)
  })
})

describe('a watch of a file', () => {
  test('a watch of a file is woken by what another process writes, and by nothing of its own', async () => {
    const file = join(newFolder(), 'log.db')
    const server = await openStore(file)
    const other = await openStore(file, { exclusive: false })
    const woken: (number | null)[] = []
    const end = await server.watch(head => void woken.push(head))
    await server.append([unit('s-1', 0)])
    for (let i = 0; i < 3; i++) {
      await other.append([unit(`s-${i}`, 'any')])
      await until('it is woken', () => woken.length === i + 1)
    }
    expect(woken).toEqual([null, null, null])
    await end()
    const later: (number | null)[] = []
    const endLater = await server.watch(head => void later.push(head))
    await other.append([unit('s-1', 'any')])
    await until('who watches still is woken', () => later.length === 1)
    await endLater()
    expect(woken).toHaveLength(3)
  })

  test('a watch of a file brings what another process writes into the tail, between its own appends', async () => {
    const file = join(newFolder(), 'log.db')
    const server = await openStore(file)
    const other = await openStore(file, { exclusive: false })
    const bus = memoryBus()
    const follows = tail({ store: server, bus, report: () => {} })
    await follows.start()
    for (let i = 0; i < 10; i++) {
      await other.append([unit('s-1', 'any')])
      await server.append([unit('s-2', 'any')])
      bus.publish(await server.readAll({ after: i * 2 + 1, limit: 1 }))
      if (i % 3 === 0) await until('all is there', async () => follows.head === (await server.head()))
    }
    await until('all is there', () => follows.head === 20)
    expect(follows.page(0, 100)!.map(({ position }) => position)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    await follows.close()
  })
})

describe('an append while another process writes', () => {
  test('an append while another process writes waits until it is done, without stopping the event loop', async () => {
    const { store, file } = await openLog()
    const other = beginWriting(file)
    let answered = false
    const append = store.append([unit('s-1', 0)]).then(outcomes => {
      answered = true
      return outcomes
    })
    // A busy wait would leave room for a single turn, and end with a failure.
    for (let turns = 0; turns < 100; turns++) await new Promise(resolve => setImmediate(resolve))
    expect(answered).toBeFalse()
    expect(await store.head()).toBe(0)
    other.run('commit')
    expect(await append).toMatchObject([{ outcome: 'appended' }])
  })

  test('an append while another process writes is unavailable after its deadline, and has appended nothing', async () => {
    const { store, file } = await openLog({ busyMs: 20 })
    const other = beginWriting(file)
    expect(await failureOf(store.append([unit('s-1', 0)]))).toMatchObject({ reason: 'unavailable' })
    other.run('commit')
    expect(await store.head()).toBe(0)
    expect(await store.append([unit('s-1', 0)])).toMatchObject([{ outcome: 'appended' }])
  })

  test('an append while another process writes waits no longer than its signal allows', async () => {
    const { store, file } = await openLog({ busyMs: 60_000 })
    beginWriting(file)
    const controller = new AbortController()
    const append = failureOf(store.append([unit('s-1', 0)], { signal: controller.signal }))
    controller.abort()
    expect(await append).toMatchObject({ reason: 'unavailable' })
  })

  test('an append while another process writes is answered at once where it only checks, as are reads', async () => {
    const { store, file } = await openLog({ busyMs: 0 })
    await store.append([unit('s-1', 0)])
    beginWriting(file)
    const check: Unit = { slices: [{ stream: 's-1', expect: 1, events: [] }], keys: [] }
    expect(await store.append([check])).toMatchObject([{ outcome: 'appended' }])
    expect((await store.load([{ stream: 's-1', after: 0 }], [])).streams[0]!.version).toBe(1)
    expect(await store.readAll({ after: 0, limit: 10 })).toHaveLength(1)
  })

  test('an append while another process writes sees what the other wrote, also after a conflict too large to send', async () => {
    const { store, file } = await openLog()
    const beside = await openStore(file, { exclusive: false })
    await store.append([unit('s-1', 0, 6, 60_000)])
    expect(await store.append([unit('s-1', 0)])).toMatchObject([{ outcome: 'conflict', conflicts: [{ missed: null }] }])
    await beside.append([unit('s-2', 0)])
    expect(await store.append([unit('s-2', 1)])).toMatchObject([{ outcome: 'appended', slices: [{ version: 2, position: 8 }] }])
  })
})
