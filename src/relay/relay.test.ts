// The loop that sends, alone with an agenda: in which order it sends what it reads and what it is told of.
import { describe, expect, test } from 'bun:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { NewEntry } from '../read-model/agenda.ts'
import { type MemoryAgenda, memoryAgenda } from '../read-model/memory-agenda.ts'
import { until } from '../testing/servers/until.ts'
import { Relay } from './relay.ts'

const OWNER = 'process_p'
const command = JSON.stringify({ decider: 'd', command: 'c', id: 'x', data: {} })
const entry = (id: string): NewEntry => ({
  ...{ id, owner: OWNER, key: 'k', timer: null, command, meta: '{}', due: 0, set: 1 },
})
const named = (name: string, many: number) => Array.from({ length: many }, (_, i) => entry(`${name}${i}`))
const idsOf = (entries: readonly NewEntry[]) => entries.map(({ id }) => id)

function filled(entries: readonly NewEntry[]): MemoryAgenda {
  const agenda = memoryAgenda({ now: Date.now, renewKeys: () => {} })
  agenda.change({ add: entries, remove: [] })
  return agenda
}

describe('what one instance sends to one stream goes in order', () => {
  test('where it is told of more before it has read what another has left', async () => {
    const [left, more] = [named('left', 1_500), named('more', 3)]
    const agenda = filled(left)
    const reads: PromiseWithResolvers<void>[] = []
    const sent: string[] = []
    const relay = new Relay({
      agenda: {
        ...agenda,
        due: async (owner, limit) => {
          const read = Promise.withResolvers<void>()
          const found = await agenda.due(owner, limit)
          reads.push(read)
          await read.promise
          return found
        },
      },
      owner: OWNER,
      send: async ({ id }) => {
        sent.push(id)
        return null
      },
      report: () => {},
    })
    await relay.start()
    for (const [i, one] of more.entries()) {
      await until('it reads', () => reads.length > i)
      agenda.change({ add: [one], remove: [] })
      relay.added([one])
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
    const agenda = filled([])
    const gate = Promise.withResolvers<void>()
    const sent: string[] = []
    const relay = new Relay({
      agenda,
      owner: OWNER,
      send: async ({ id }) => {
        await gate.promise
        // Some are forgotten while others are still being sent.
        await turn()
        sent.push(id)
        return null
      },
      report: () => {},
    })
    await relay.start()
    agenda.change({ add: all, remove: [] })
    relay.added(all)
    gate.resolve()
    const last = entry('last')
    await until('there is room again', () => sent.length > 100)
    agenda.change({ add: [last], remove: [] })
    relay.added([last])
    await until('all is sent', () => sent.length > all.length)
    expect(sent).toEqual(idsOf([...all, last]))
    await relay.stop()
  })

  test('where a timer falls due while more waits than is sent at once: nothing that is added later comes before it', async () => {
    let now = Date.now()
    const all = named('', 5_000).map(one => ({ ...one, key: one.id }))
    const agenda = memoryAgenda({ now: () => now, renewKeys: () => {} })
    const gate = Promise.withResolvers<void>()
    const sent: string[] = []
    const send = async ({ id }: { readonly id: string }) => {
      await gate.promise
      sent.push(id)
      return null
    }
    const relay = new Relay({ agenda, owner: OWNER, send, report: () => {}, now: () => now })
    const add = (entries: readonly NewEntry[]) => {
      agenda.change({ add: entries, remove: [] })
      relay.added(entries)
    }
    let reads = 0
    const due = agenda.due
    agenda.due = (owner, limit) => {
      reads++
      return due(owner, limit)
    }
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
    const agenda = filled([])
    let read = 0
    const sent: string[] = []
    const relay = new Relay({
      agenda: {
        ...agenda,
        due: async (owner, limit) => {
          const found = await agenda.due(owner, limit)
          read += found.entries.length
          return found
        },
      },
      owner: OWNER,
      send: async ({ id }) => {
        sent.push(id)
        return null
      },
      report: () => {},
    })
    await relay.start()
    await turn()
    agenda.change({ add: all, remove: [] })
    relay.added(all)
    await until('all is sent', () => sent.length >= all.length)
    expect(sent).toEqual(idsOf(all))
    expect(read).toBe(0)
    await relay.stop()
  })

  test('and sent again where it was done while it was read', async () => {
    const agenda = filled([])
    const answer = Promise.withResolvers<void>()
    const sending = Promise.withResolvers<void>()
    let hasRead = false
    const sent: string[] = []
    const relay = new Relay({
      agenda: {
        ...agenda,
        due: async (owner, limit) => {
          const found = await agenda.due(owner, limit)
          if (found.entries.length) {
            hasRead = true
            await answer.promise
          }
          return found
        },
      },
      owner: OWNER,
      send: async ({ id }) => {
        sent.push(id)
        await sending.promise
        return null
      },
      report: () => {},
    })
    await relay.start()
    await turn()
    const one = entry('one')
    agenda.change({ add: [one], remove: [] })
    relay.added([one])
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
