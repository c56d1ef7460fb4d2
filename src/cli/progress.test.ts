import { expect, test } from 'bun:test'
import { progress } from './progress.ts'

function shown(isTTY: boolean) {
  let time = 0
  const said: string[] = []
  const bar = progress('moving', 'events', { isTTY, write: text => said.push(text) }, () => time)
  return { said, bar, after: (ms: number) => (time += ms) }
}

test('a terminal gets a bar that is written over, with the rate and the time left', () => {
  const { said, bar, after } = shown(true)
  bar.update(0, 100_000)
  after(2_000)
  bar.update(25_000, 100_000)
  after(10)
  bar.update(26_000, 100_000)
  expect(said.length).toBe(2)
  expect(said[1]).toBe(`\r\x1b[2K${'█'.repeat(8)}${'░'.repeat(22)} moving  25 % 25,000 of 100,000 events, 12,500/s, 6 s left`)
  bar.end('done')
  expect(said[2]).toBe('\r\x1b[2Kdone\n')
})

test('elsewhere there is a plain line every five seconds, and what an earlier run had done is no part of the rate', () => {
  const { said, bar, after } = shown(false)
  for (let i = 0; i <= 6; i++) {
    bar.update(5_000 + i * 1_000, 12_000)
    after(1_000)
  }
  expect(said[1]).toBe('moving  83 % 10,000 of 12,000 events, 1,000/s, 2 s left\n')
  expect(said.length).toBe(2)
})
