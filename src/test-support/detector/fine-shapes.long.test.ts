import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { noteFines, scoreShapes } from './fine-shapes.ts'
import { FINES } from './fines.ts'
import { noteNullShapes } from './null-shapes.ts'

test('notes on payloads in which nothing changes are at most one in 20 000 windows of five fields', () => {
  const { windows, notes } = noteNullShapes(200)
  expect(windows).toBe(20_000)
  expect(notes).toBeLessThanOrEqual(1)
})

test('notes on the log of fines are few, find the new tariffs, and find fields that are dropped or 100 times as much', async () => {
  if (!existsSync(FINES)) {
    console.warn(`detector: NOT CHECKED against the log of fines: there is no ${FINES}; set FINES_CSV`)
    return
  }
  const notes = await noteFines()
  const places = notes.map(({ subject, path }) => `${subject} ${path}`)
  expect(places).toContain('fine.Create Fine amount')
  expect(places).toContain('fine.Send Fine expense')
  expect(notes.length).toBeLessThanOrEqual(12)
  const scores = new Map((await scoreShapes()).map(score => [score.fault, score]))
  for (const fault of ['dropped', '100 times as much', 'another value'] as const) {
    const { planted, found } = scores.get(fault)!
    expect(planted).toBeGreaterThanOrEqual(160)
    expect(found / planted).toBeGreaterThanOrEqual(0.95)
  }
})
