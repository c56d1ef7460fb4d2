import { describe, expect, test } from 'bun:test'
import { movableClock } from '../../test-support/movable-clock.ts'
import { Notice } from '../report/notice.ts'
import { Baggages } from './baggage.ts'

const listen = () => {
  const told: unknown[] = []
  return { told, baggages: new Baggages(problem => void told.push(problem instanceof Notice ? problem.code : problem)) }
}

describe('baggage', () => {
  test.each(['tenant=blue', 'a=1,b=2;p=3;q , c = %20', 'k='])('baggage is known by the event that it goes with: %s', baggage => {
    const { told, baggages } = listen()
    baggages.carry(baggage)!('e1')
    expect([baggages.of('e1'), baggages.of('e2'), told]).toEqual([baggage, undefined, []])
  })

  test.each([
    ['without a key', '=1'],
    ['without a value', 'tenant'],
    ['with a space in a value', 'a=b c'],
    ['with a line end', 'a=1\r\nb=2'],
    ['with letters that are not of ASCII', 'a=é'],
    ['of 65 members', Array.from({ length: 65 }, (_, n) => `k${n}=1`).join()],
    ['of more than 8192 characters', `a=${'x'.repeat(8_191)}`],
  ])('baggage %s is passed over, which is told once', (_, baggage) => {
    const { told, baggages } = listen()
    expect([baggages.carry(baggage), baggages.carry(baggage), told]).toEqual([undefined, undefined, ['baggage-ignored']])
  })

  test('of baggage that is malformed in part the good members go on, and the others are told once', () => {
    const { told, baggages } = listen()
    for (const id of ['e1', 'e2']) baggages.carry('tenant,plan=free;until=2027,=1,a=b c, k=')!(id)
    expect([baggages.of('e1'), baggages.of('e2'), told]).toEqual([
      'plan=free;until=2027, k=',
      'plan=free;until=2027, k=',
      ['baggage-ignored'],
    ])
  })

  test('baggage that the running code changed goes on in place of the caller’s, whose faults are told', () => {
    const { told, baggages } = listen()
    baggages.carry('tenant,plan=free', 'plan=free,user=u1')!('e1')
    expect([baggages.of('e1'), told]).toEqual(['plan=free,user=u1', ['baggage-ignored']])
  })

  test('baggage is forgotten with the trace of its event', () => {
    using clock = movableClock()
    const { baggages } = listen()
    baggages.carry('a=1')!('e1')
    clock.advance(60_000)
    expect(baggages.of('e1')).toBeUndefined()
  })

  test('baggage of many events has a bound in all, and the oldest is forgotten first', () => {
    const { baggages } = listen()
    const note = baggages.carry(`a=${'x'.repeat(8_000)}`)!
    for (let n = 0; n < 2_000; n++) note(`e${n}`)
    expect([baggages.of('e0') === undefined, baggages.of('e1999') !== undefined]).toEqual([true, true])
  })
})
