// The loop that sends, alone with an agenda: in which order it sends what it reads and what it is told of.
import { describe, expect, test } from 'bun:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { NewEntry } from '../read-model/agenda.ts'
import { memoryAgenda } from '../read-model/memory-agenda.ts'
import { until } from '../testing/servers/until.ts'
import { Relay } from './relay.ts'

const OWNER = 'process_p'
const command = JSON.stringify({ decider: 'd', command: 'c', id: 'x', data: {} })
const entry = (id: string): NewEntry => ({
  ...{ id, owner: OWNER, key: 'k', timer: null, command, meta: '{}', due: 0, set: 1 },
})
const named = (name: string, many: number) => Array.from({ length: many }, (_, i) => entry(`${name}${i}`))
const idsOf = (entries: readonly NewEntry[]) => entries.map(({ id }) => id)

type Relaying = {
  /** What the agenda has before it starts. */
  readonly left?: readonly NewEntry[]
  /** Told how many entries a read has found, before they are given. */
  readonly read?: (many: number) => unknown
  /** Before each is sent. */
  readonly before?: () => Promise<unknown>
  readonly now?: () => number
}

/** A relay over an agenda in memory, what it has sent, and how it is told of more that is durable. */
function relaying({ left = [], read = () => {}, before = async () => {}, now = Date.now }: Relaying = {}) {
  const agenda = memoryAgenda({ now, renewKeys: () => {} })
  agenda.change({ add: left, remove: [] })
  const sent: string[] = []
  const relay = new Relay({
    agenda: {
      ...agenda,
      due: async (owner, limit) => {
        const found = await agenda.due(owner, limit)
        await read(found.entries.length)
        return found
      },
    },
    owner: OWNER,
    send: async ({ id }) => {
      await before()
      sent.push(id)
      return null
    },
    report: () => {},
    now,
  })
  const add = (entries: readonly NewEntry[]) => {
    agenda.change({ add: entries, remove: [] })
    relay.added(entries)
  }
  return { agenda, relay, sent, add }
}

describe('what one instance sends to one stream goes in order', () => {
  test('where it is told of more before it has read what another has left', async () => {
    const [left, more] = [named('left', 1_500), named('more', 3)]
    const reads: PromiseWithResolvers<void>[] = []
    const read = () => {
      const read = Promise.withResolvers<void>()
      reads.push(read)
      return read.promise
    }
    const { relay, sent, add } = relaying({ left, read })
    await relay.start()
    for (const [i, one] of more.entries()) {
      await until('it reads', () => reads.length > i)
      add([one])
      reads[i]!.resolve()
    }
    await until('all is sent', () => {
      for (const read of reads) read.resolve()
      return sent.length === left.length + more.length
    })
    expect(sent).toEqual(idsOf([...left, ...more]))
    await relay.stop()
  })

  test.each([5_000, 40_000])('where it is told of more than it sends at once, or keeps in memory: %d', async many => {
    const all = named('', many)
    const gate = Promise.withResolvers<void>()
    // Some are forgotten while others are still being sent.
    const { relay, sent, add } = relaying({ before: () => gate.promise.then(() => turn()) })
    await relay.start()
    add(all)
    gate.resolve()
    const last = entry('last')
    await until('there is room again', () => sent.length > 100)
    add([last])
    await until('all is sent', () => sent.length > all.length)
    expect(sent).toEqual(idsOf([...all, last]))
    await relay.stop()
  })

  test('where a timer falls due while more waits than is sent at once: nothing that is added later comes before it', async () => {
    let now = Date.now()
    let reads = 0
    const gate = Promise.withResolvers<void>()
    const { relay, sent, add } = relaying({ now: () => now, read: () => reads++, before: () => gate.promise })
    const all = named('', 5_000).map(one => ({ ...one, key: one.id }))
    await relay.start()
    await until('it has read', () => reads > 0)
    await turn()
    add([...all, { ...entry('timer'), timer: 't', due: now + 10 }])
    now += 5_000
    const later = named('later', 3_000).map(one => ({ ...one, key: one.id }))
    add(later)
    gate.resolve()
    await until('all is sent', () => sent.length > all.length + later.length)
    expect(sent.indexOf('timer')).toBeLessThan(sent.indexOf('later0'))
    await relay.stop()
  })
})

describe('what is known is not read', () => {
  test('where there is more of it than is sent at once, and nothing is sent twice', async () => {
    const all = named('', 20_000)
    let found = 0
    const { relay, sent, add } = relaying({
      read: many => {
        found += many
      },
    })
    await relay.start()
    await turn()
    add(all)
    await until('all is sent', () => sent.length >= all.length)
    expect(sent).toEqual(idsOf(all))
    expect(found).toBe(0)
    await relay.stop()
  })

  test('and sent again where it was done while it was read', async () => {
    const [answer, sending] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let hasRead = false
    const { agenda, relay, sent, add } = relaying({
      before: () => sending.promise,
      read: many => {
        if (!many) return
        hasRead = true
        return answer.promise
      },
    })
    await relay.start()
    await turn()
    add([entry('one')])
    relay.look()
    await until('it is read', () => hasRead)
    sending.resolve()
    await until('it is forgotten', async () => (await agenda.count()).length === 0 && relay.flying === 0)
    answer.resolve()
    await turn()
    await turn()
    expect(sent).toEqual(['one'])
    await relay.stop()
  })
})
