import { expect, test } from 'bun:test'
import { progress } from './progress.ts'

function showProgress(isTTY: boolean) {
  let time = 0
  const printed: string[] = []
  const bar = progress('moving', 'events', { isTTY, write: text => printed.push(text) }, () => time)
  return { printed, bar, after: (ms: number) => (time += ms) }
}

test('progress on a terminal is a bar that is written over, with the rate and the time left', () => {
  const { printed, bar, after } = showProgress(true)
  bar.update(0, 100_000)
  after(2_000)
  bar.update(25_000, 100_000)
  after(10)
  bar.update(26_000, 100_000)
  expect(printed.length).toBe(2)
  expect(printed[1]).toBe(`\r\x1b[2K${'█'.repeat(8)}${'░'.repeat(22)} moving  25 % 25,000 of 100,000 events, 12,500/s, 6 s left`)
  bar.end('done')
  expect(printed[2]).toBe('\r\x1b[2Kdone\n')
})

test('progress elsewhere is a plain line every five seconds, whose rate leaves out what an earlier run had done', () => {
  const { printed, bar, after } = showProgress(false)
  for (let i = 0; i <= 6; i++) {
    bar.update(5_000 + i * 1_000, 12_000)
    after(1_000)
  }
  expect(printed[1]).toBe('moving  83 % 10,000 of 12,000 events, 1,000/s, 2 s left\n')
  expect(printed.length).toBe(2)
})
