// What others append is noticed: by listening, and where that hears nothing, by asking. Sockets are cut and swallowed for real.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { memoryBus } from '../../ports/bus/memory.ts'
import { startServices } from '../../runtime.ts'
import type { Notice } from '../../ports/report/notice.ts'
import type { Store } from '../../ports/store/store.ts'
import { type Tail, tail } from '../../subscription/tail.ts'
import { account } from '../../test-support/account.ts'
import { range } from '../../test-support/bank.ts'
import { type TestSchema, testSchema } from '../../test-support/schema.ts'
import { type FaultProxy, startProxy } from '../../test-support/servers/proxy.ts'
import { until } from '../../test-support/servers/until.ts'
import { type Announcer, announcer } from './announcer.ts'
import { Pool } from './pool.ts'
import { postgres } from './store.ts'
import { watch } from './watch.ts'

let at: TestSchema
let proxy: FaultProxy
beforeAll(async () => {
  at = await testSchema()
  const { hostname, port } = new URL(at.url)
  proxy = startProxy({ host: hostname, port: Number(port) })
})
afterAll(async () => {
  proxy.stop()
  await at.drop()
})

const pool = () => new Pool(at.url, { max: 1, prepare: true, session: {}, deadlineMs: 60_000, connectTimeoutMs: 60_000 })

let channels = 0
/** Watches through the proxy a log that says it has not grown, so that only what is heard tells of more. */
async function withWatches(run: (watches: Watches) => Promise<void>): Promise<void> {
  const channel = `test_${process.pid}_${channels++}`
  const [ours, theirs] = [announcer(pool(), channel), announcer(pool(), channel)]
  const heard: (number | null)[] = []
  const reported: Notice[] = []
  let asked = 0
  const head = async () => {
    asked++
    return 0
  }
  const end = watch({
    url: proxy.url(at.url),
    channel,
    head,
    announcer: ours,
    wake: head => void heard.push(head),
    report: problem => reported.push(problem as Notice),
  })
  try {
    await run({
      others: theirs,
      heard: position => heard.includes(position),
      asked: () => asked,
      codes: () => reported.map(({ code }) => code),
    })
  } finally {
    proxy.swallow(false)
    await end()
    await Promise.all([ours.close(), theirs.close()])
  }
  await until('nothing listens any more', () => proxy.connections === 0)
}
type Watches = {
  readonly others: Announcer
  readonly heard: (position: number) => boolean
  readonly asked: () => number
  readonly codes: () => readonly string[]
}

/** Announces ever further until it is heard: before it listens, nothing is. */
async function expectAnnounced({ others, heard }: Watches, from: number): Promise<void> {
  let position = from
  await until('it hears what is announced', () => {
    if (heard(position)) return true
    others.announce(++position)
    return heard(position - 1)
  })
}

/** Whether it asks again and again, as who listens does not: so often at least within a beat. */
const ASKS = 8

describe('a watch', () => {
  test('a watch hears what others announce, and polls no more then', async () => {
    await withWatches(async watches => {
      await expectAnnounced(watches, 100)
      await until('it has stopped asking', async () => {
        const before = watches.asked()
        await Bun.sleep(300)
        return watches.asked() - before <= 2
      })
      await expectAnnounced(watches, 1_000_000)
    })
  })

  test('a watch polls while its socket is half open, and listens again when it is not', async () => {
    await withWatches(async watches => {
      await expectAnnounced(watches, 100)
      proxy.swallow(true)
      const before = watches.asked()
      await until('it asks again and again', () => watches.asked() - before > ASKS)
      watches.others.announce(1_000_000)
      // What was swallowed comes late, over the connection that was given up: it is not what is waited for here.
      proxy.reset()
      proxy.swallow(false)
      await expectAnnounced(watches, 2_000_000)
    })
  })

  test('a watch polls where its connection is cut, and listens again', async () => {
    await withWatches(async watches => {
      await expectAnnounced(watches, 100)
      proxy.reset()
      await expectAnnounced(watches, 2_000_000)
      await until('it has said both', () => watches.codes().slice(0, 2).join() === 'retry-began,retry-ended')
    })
  })

  test('a watch polls for as long as it cannot listen', async () => {
    proxy.swallow(true)
    await withWatches(async watches => {
      await until('it asks again and again', () => watches.asked() > ASKS)
      await until('it has said so', () => watches.codes().length > 0)
      expect(watches.codes()).toEqual(['retry-began'])
    })
  })
})

describe('an announcement', () => {
  test('an announcement carries only the furthest of the positions that come at once', async () => {
    const channel = `test_${process.pid}_${channels++}`
    const heard: string[] = []
    const listening = await at.sql.listen(channel, word => void heard.push(word))
    const announces = announcer(pool(), channel)
    for (let head = 1; head <= 1_000; head++) announces.announce(head)
    announces.announce(7)
    await until('the last is heard', () => heard.at(-1) === '1000')
    expect(heard).toEqual(['1', '1000'])
    await announces.close()
    await listening.unlisten()
  })

  test('an announcement that fails harms nobody', async () => {
    const nowhere = new Pool('postgres://nobody@127.0.0.1:1/none', {
      max: 1,
      prepare: false,
      session: {},
      deadlineMs: 500,
      connectTimeoutMs: 300,
    })
    const announces = announcer(nowhere, 'nobody')
    announces.announce(1)
    await announces.close()
  })
})

/** Two processes on one log: each has a store and a tail of its own. */
async function processes(
  directUrl: string,
  run: (ours: Tail, append: (store: Store) => Promise<void>, stores: readonly [Store, Store]) => Promise<void>,
) {
  const stores = [postgres(at.url, { schema: at.schema, directUrl }), postgres(at.url, { schema: at.schema })] as const
  for (const store of stores) await store.open()
  const follows = tail({ store: stores[0], bus: memoryBus(), report: () => {} })
  const append = async (store: Store) => {
    const event = { id: Bun.randomUUIDv7(), type: 'Done', schema: '', data: '{}', meta: '{}' }
    await store.append([{ slices: [{ stream: 'test-1', expect: 'any', events: [event] }], keys: [] }])
  }
  try {
    await follows.start()
    await run(follows, append, stores)
  } finally {
    proxy.swallow(false)
    await follows.close()
    await Promise.all(stores.map(store => store.close()))
  }
}

describe('a tail', () => {
  test('a tail has what another process appended and announced', async () => {
    await processes(at.url, async (ours, append, [, other]) => {
      for (let i = 0; i < 20; i++) await append(other)
      other.announce(await other.head())
      await until('it is there', async () => ours.head === (await other.head()))
      expect(ours.page(ours.head - 20, 100)).toHaveLength(20)
    })
  })

  test('a tail has what another process appended though nobody announced it, and LISTEN is in a black hole', async () => {
    await processes(proxy.url(at.url), async (ours, append, [, other]) => {
      await until('it listens', () => proxy.connections === 1)
      proxy.swallow(true)
      for (let i = 0; i < 5; i++) {
        await append(other)
        await until('it is there', async () => ours.head === (await other.head()))
      }
    })
  })

  test('a tail has each event once and in order while two processes append', async () => {
    const all = [postgres(at.url, { schema: at.schema }), postgres(at.url, { schema: at.schema })]
    const both = await Promise.all(all.map(store => startServices({ serve: [account], store })))
    const seen: number[][] = [[], []]
    const head = await all[0]!.head()
    await Promise.all(both.map(({ tail }) => tail.start()))
    const ending = new AbortController()
    const following = both.map(async ({ tail }, i) => {
      for (let after = head; await tail.wait(after, ending.signal); after = seen[i]!.at(-1)!)
        seen[i]!.push(...(tail.page(after, 50) ?? []).map(({ position }) => position))
    })
    const callers = range(16).map(async caller => {
      for (const n of range(20)) {
        const sent = await both[caller % 2]!.send(account.deposit(`${n % 5}-${caller % 3}`, { cents: 1, times: 1 + (n % 3) }))
        expect(sent.outcome).toBe('accepted')
      }
    })
    await Promise.all(callers)
    const log: number[] = []
    for (let page = await all[0]!.readAll({ after: head, limit: 500 }); page.length; )
      page = await all[0]!.readAll({ after: log[log.push(...page.map(({ position }) => position)) - 1]!, limit: 500 })
    await until('both have seen all', () => seen.every(one => one.length >= log.length))
    ending.abort()
    await Promise.all(following)
    for (const one of seen) expect(one).toEqual(log)
    for (const emaki of both) await emaki.close()
  })

  test('a tail goes on where its store closes first', async () => {
    await processes(at.url, async (ours, append, [store, other]) => {
      await store.close()
      await append(other)
      expect(ours.head).toBe((await other.head()) - 1)
    })
  })
})
