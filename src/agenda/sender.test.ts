// The loop that sends, alone with an agenda: in which order it sends what it reads and what it is told of.
import { describe, expect, test } from 'bun:test'
import { setImmediate as turn } from 'node:timers/promises'
import { until } from '../test-support/servers/until.ts'
import { buildEntries, entry, idsOf, startSender, testKeptOrder } from './sender.cases.ts'

describe('order of what one instance sends to one stream', () => {
  testKeptOrder(5_000)

  test('a sender keeps the order of a stream where more is announced before it has read what another node has left', async () => {
    const [left, more] = [buildEntries('left', 1_500), buildEntries('more', 3)]
    const reads: PromiseWithResolvers<void>[] = []
    const read = () => {
      const read = Promise.withResolvers<void>()
      reads.push(read)
      return read.promise
    }
    const { sender, sent, add } = startSender({ left, read })
    await sender.start()
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
    await sender.stop()
  })

  test('a sender keeps the order of a stream where a timer falls due while more waits than is sent at once', async () => {
    let now = Date.now()
    let reads = 0
    const gate = Promise.withResolvers<void>()
    const { sender, sent, add } = startSender({ now: () => now, read: () => reads++, before: () => gate.promise })
    const all = buildEntries('', 5_000).map(one => ({ ...one, key: one.id }))
    await sender.start()
    await until('it has read', () => reads > 0)
    await turn()
    add([...all, { ...entry('timer'), timer: 't', due: now + 10 }])
    now += 5_000
    const later = buildEntries('later', 3_000).map(one => ({ ...one, key: one.id }))
    add(later)
    gate.resolve()
    await until('all is sent', () => sent.length > all.length + later.length)
    expect(sent.indexOf('timer')).toBeLessThan(sent.indexOf('later0'))
    await sender.stop()
  })
})

describe('entries that a sender knows', () => {
  test('a sender that knows more entries than it sends at once reads none of them, and sends none twice', async () => {
    const all = buildEntries('', 20_000)
    let found = 0
    const { sender, sent, add } = startSender({
      // Who looks for entries of others finds these, too, where sending them takes longer than that.
      pollMs: 3_600_000,
      read: many => {
        found += many
      },
    })
    await sender.start()
    await turn()
    add(all)
    await until('all is sent', () => sent.length >= all.length)
    expect(sent).toEqual(idsOf(all))
    expect(found).toBe(0)
    await sender.stop()
  })

  test('a sender does not send an entry again that was done while it was read', async () => {
    const [answer, sending] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let hasRead = false
    const { agenda, sender, sent, add } = startSender({
      before: () => sending.promise,
      read: many => {
        if (!many) return
        hasRead = true
        return answer.promise
      },
    })
    await sender.start()
    await turn()
    add([entry('one')])
    sender.poll()
    await until('it is read', () => hasRead)
    sending.resolve()
    await until('it is forgotten', async () => (await agenda.count()).length === 0 && sender.sending === 0)
    answer.resolve()
    await turn()
    await turn()
    expect(sent).toEqual(['one'])
    await sender.stop()
  })
})

describe('commands that come too early', () => {
  test('as many commands that come too early as are sent at once hold up no other instance, and are read again by none', async () => {
    const early = buildEntries('early', 4_096).map((one, i) => ({ ...one, key: `k${i}` }))
    const { sender, sent, add } = startSender({ left: early, isEarly: id => id.startsWith('early') })
    await sender.start()
    add([entry('other')])
    await until('the other one is sent', () => sent.length > 0)
    expect([sent, sender.sending]).toEqual([['other'], early.length])
    await sender.stop()
  })

  test('a command that comes too early keeps its place before the next one of its instance to its stream', async () => {
    let isEarly = true
    const { sender, sent, add } = startSender({ isEarly: id => isEarly && id === 'first' })
    await sender.start()
    add([entry('first'), entry('second'), { ...entry('other'), key: 'l' }])
    await until('the other one is sent', () => sent.length > 0)
    await sender.stop()
    expect(sent).toEqual(['other'])
    isEarly = false
    await sender.start()
    await until('both are sent', () => sent.length === 3)
    expect(sent).toEqual(['other', 'first', 'second'])
    await sender.stop()
  })
})

test('a sender tells how late each timer is once as it fires, and nothing of commands', async () => {
  const start = 1_000_000
  const timer = (id: string, due: number) => ({ ...entry(id), key: id, timer: 't', command: null, due })
  const left = [timer('late', start - 90_000), timer('just', start), entry('command'), timer('later', start + 5_000)]
  const { sender, sent, lateMs } = startSender({ left, now: () => start, pollMs: 1 })
  await sender.start()
  await until('what is due is sent', () => sent.length === 3)
  expect(lateMs.toSorted((a, b) => a - b)).toEqual([0, 90_000])
  await sender.stop()
})
