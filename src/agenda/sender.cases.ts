// A sender alone with an agenda in memory, and what it keeps in order.
import { expect, test } from 'bun:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Command } from '../definitions/decider/command.ts'
import { SentTooEarly } from '../definitions/decider/sent-too-early.ts'
import type { NewEntry } from '../ports/agenda/agenda.ts'
import { memoryAgenda } from '../ports/agenda/memory.ts'
import { until } from '../test-support/servers/until.ts'
import { Sender } from './sender.ts'

const OWNER = 'process_p'
const command = JSON.stringify({ decider: 'd', command: 'c', id: 'x', data: {} })
export const entry = (id: string): NewEntry => ({
  ...{ id, owner: OWNER, key: 'k', timer: null, command, meta: '{}', due: 0, set: 1 },
})
export const buildEntries = (name: string, many: number) => Array.from({ length: many }, (_, i) => entry(`${name}${i}`))
export const idsOf = (entries: readonly NewEntry[]) => entries.map(({ id }) => id)

type World = {
  /** Whether an entry comes too early, by its id. */
  readonly isEarly?: (id: string) => boolean
  /** What the agenda has before it starts. */
  readonly left?: readonly NewEntry[]
  /** Told how many entries a read has found, before they are given. */
  readonly read?: (many: number) => unknown
  /** Before each is sent. */
  readonly before?: () => Promise<unknown>
  readonly now?: () => number
  readonly pollMs?: number
}

/** A sender over an agenda in memory, what it has sent, and how more is added. */
export function startSender({
  left = [],
  read = () => {},
  before = async () => {},
  now = Date.now,
  pollMs = 1_000,
  isEarly,
}: World = {}) {
  const agenda = memoryAgenda({ now, renewKeys: () => {} })
  agenda.change({ add: left, remove: [] })
  const sent: string[] = []
  const lateMs: number[] = []
  const sender = new Sender({
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
      if (isEarly?.(id)) throw new SentTooEarly(JSON.parse(command) as Command, 'not-yet', 86_400_000)
      sent.push(id)
      return null
    },
    report: () => {},
    noteTimer: late => lateMs.push(late),
    now,
    pollMs,
  })
  const add = (entries: readonly NewEntry[]) => {
    agenda.change({ add: entries, remove: [] })
    sender.enqueue(entries)
  }
  return { agenda, sender, sent, lateMs, add }
}

/** `many`: how many entries are announced at once. */
export function testKeptOrder(many: number): void {
  test(`a sender keeps the order of a stream where more is announced than it sends at once, or keeps in memory: ${many}`, async () => {
    const all = buildEntries('', many)
    const gate = Promise.withResolvers<void>()
    // Some are forgotten while others are still being sent.
    const { sender, sent, add } = startSender({ before: () => gate.promise.then(() => turn()) })
    await sender.start()
    add(all)
    gate.resolve()
    const last = entry('last')
    await until('there is room again', () => sent.length > 100)
    add([last])
    await until('all is sent', () => sent.length > all.length)
    expect(sent).toEqual(idsOf([...all, last]))
    await sender.stop()
  })
}
