import { expect, test } from 'bun:test'
import { CODES_MAX, subjectCounter } from './count-subjects.ts'
import { Metrics } from './registry.ts'

test('subjects are counted of the watched deciders alone: commands however they ended, rejections, and what shares are of', () => {
  const metrics = new Metrics()
  const count = subjectCounter(metrics, new Set(['order']))
  expect(count()).toEqual(new Map())
  for (const [command, ended] of [
    ['order.place', 'accepted'],
    ['order.place', 'rejected'],
    ['order.pay', 'conflict'],
    ['shelf.fill', 'accepted'],
  ] as const)
    metrics.histogram('emaki.command.duration', command, ended).record(0.1)
  for (const command of ['order.place', 'order.pay', 'shelf.fill'])
    metrics.counter('emaki.command.rejections', command, 'not-paid').add(2)
  for (const attempts of [1, 1, 3]) metrics.histogram('emaki.command.attempts', 'order').record(attempts)
  metrics.histogram('emaki.command.attempts', 'shelf').record(2)
  for (const event of ['order.Placed', 'order.Paid', 'shelf.Filled']) metrics.counter('emaki.events.appended', event).add(4)
  expect(Object.fromEntries(count())).toEqual({
    ...{ 'command order.place': 2, 'command order.pay': 1, 'accepted order': 1 },
    ...{ 'rejection order.not-paid': 4, 'rejected order.place': 2, 'rejected order.pay': 2 },
    ...{ 'decisions order': 5, 'conflicts order': 3, 'events order': 8 },
  })
})

test('subjects are bounded: rejections beyond 50 codes of a decider are counted as other, and each stays where it was', () => {
  const metrics = new Metrics()
  const count = subjectCounter(metrics, new Set(['order']))
  const reject = (code: string) => metrics.counter('emaki.command.rejections', 'order.place', code).add()
  for (let i = 0; i < CODES_MAX + 3; i++) reject(`code-${i}`)
  count()
  reject('code-0')
  reject(`code-${CODES_MAX}`)
  const totals = count()
  expect([...totals.keys()].filter(subject => subject.startsWith('rejection '))).toHaveLength(CODES_MAX + 1)
  expect(totals.get('rejection order.code-0')).toBe(2)
  expect(totals.get('rejection order.other')).toBe(4)
})

test('subjects have codes that every database can store', () => {
  const metrics = new Metrics()
  metrics.counter('emaki.command.rejections', 'order.place', `a\0b\ud800${'c'.repeat(200)}`).add()
  const [subject] = [...subjectCounter(metrics, new Set(['order']))().keys()]
  expect(subject).toBe(`rejection order.a\ufffdb\ufffd${'c'.repeat(96)}`)
})
