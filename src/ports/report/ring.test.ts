import { expect, test } from 'bun:test'
import { Notice } from './notice.ts'
import type { Level } from './record.ts'
import { type RecordFilter, RecordRing, RING_CHARACTERS_MAX, RING_RECORDS_MAX } from './ring.ts'

const ALL: RecordFilter = { least: 'debug', codes: [], correlation: null }

function open() {
  const ring = new RecordRing({ now: () => 0, secrets: () => ['s3cret-value'] })
  const passed: unknown[] = []
  const report = ring.observe(problem => void passed.push(problem))
  const say = (code: string, { level = 'warn' as Level, message = 'It is so.', correlation = '' } = {}) =>
    report(new Notice({ level, code, message, fields: correlation ? { correlation } : {} }))
  const codes = (filter: Partial<RecordFilter> = {}, after = 0) =>
    ring.after(after, { ...ALL, ...filter }).map(({ code }) => code)
  return { ring, report, passed, say, codes }
}

test('the records of a process are kept in their order, found by level, code and correlation, and passed on', () => {
  const { ring, report, passed, say, codes } = open()
  say('key-parked')
  say('retry-began', { correlation: 'c1' })
  say('retry-ended', { level: 'info', correlation: 'c1' })
  report(new Error('broken'))
  expect(codes()).toEqual(['key-parked', 'retry-began', 'retry-ended', 'unexpected'])
  expect(codes({ least: 'warn' })).toEqual(['key-parked', 'retry-began', 'unexpected'])
  expect(codes({ codes: ['retry', 'unexpected'] })).toEqual(['retry-began', 'retry-ended', 'unexpected'])
  expect(codes({ codes: ['ret'] })).toEqual([])
  expect(codes({ correlation: 'c1' })).toEqual(['retry-began', 'retry-ended'])
  expect(codes({}, 2)).toEqual(['retry-ended', 'unexpected'])
  expect([codes({}, 4), ring.last, passed.length]).toEqual([[], 4, 4])
})

test('no more than a bounded number of records is kept, the last ones', () => {
  const { ring, say } = open()
  for (let i = 0; i < RING_RECORDS_MAX + 3; i++) say('retry-began')
  const kept = ring.after(0, ALL)
  expect([kept.length, kept[0]!.nth, kept.at(-1)!.nth]).toEqual([RING_RECORDS_MAX, 4, RING_RECORDS_MAX + 3])
  expect(ring.after(RING_RECORDS_MAX + 1, ALL).map(({ nth }) => nth)).toEqual([RING_RECORDS_MAX + 2, RING_RECORDS_MAX + 3])
})

test('no more than a bounded number of characters is kept', () => {
  const { ring, say } = open()
  const message = 'x'.repeat(RING_CHARACTERS_MAX / 3)
  for (let i = 0; i < 4; i++) say('retry-began', { message })
  expect(ring.after(0, ALL).map(({ nth }) => nth)).toEqual([3, 4])
  say('retry-began', { message: message.repeat(4) })
  expect(ring.after(0, ALL)).toEqual([])
  say('key-parked')
  expect(ring.after(0, ALL).map(({ nth }) => nth)).toEqual([6])
})

test('a record is kept without secrets', () => {
  const { ring, say } = open()
  say('x', { message: 's3cret-value of postgres://app:hunter2@db/x' })
  expect(JSON.parse(ring.after(0, ALL)[0]!.json)).toMatchObject({ body: '*** of postgres://app:***@db/x' })
})

test('a listener is called for each record until it leaves', () => {
  const { ring, say } = open()
  let calls = 0
  const leave = ring.listen(() => calls++)
  say('x')
  say('x')
  leave()
  say('x')
  expect(calls).toBe(2)
})
