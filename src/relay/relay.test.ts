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

  test('where it is told of more than it sends at once', async () => {
    const all = named('', 5_000)
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
})
