import { expect, test } from 'bun:test'
import { progress } from './progress.ts'

function shown(isTerminal: boolean) {
  let time = 0
  const said: string[] = []
  const bar = progress('moving', { isTerminal, write: text => said.push(text), now: () => time })
  return { said, bar, after: (ms: number) => (time += ms) }
}

test('a terminal gets a bar that is written over, with the rate and the time left', () => {
  const { said, bar, after } = shown(true)
  bar.at(0, 100_000, 0)
  after(2_000)
  bar.at(25_000, 100_000, 25_000)
  after(10)
  bar.at(26_000, 100_000, 26_000)
  expect(said).toEqual([`\r\x1b[Kmoving [${'#'.repeat(8)}${' '.repeat(22)}] 25 %, 25 000 events, 12 500/s, 6 s left`])
  bar.end()
  expect(said[1]).toEndWith('\n')
})

test('elsewhere there is a plain line every five seconds and one at the end', () => {
  const { said, bar, after } = shown(false)
  for (let i = 0; i <= 12; i++) {
    bar.at(i * 10, 120, i)
    after(1_000)
  }
  bar.end()
  expect(said).toEqual([
    'moving 41 %, 5 events, 1/s, 7 s left\n',
    'moving 83 %, 10 events, 1/s, 2 s left\n',
    'moving 100 %, 12 events, 1/s\n',
  ])
})

test('what an earlier run had done counts for the share and not for the rate', () => {
  const { said, bar, after } = shown(false)
  bar.at(50, 100, 5_000)
  after(10_000)
  bar.at(75, 100, 7_500)
  expect(said).toEqual(['moving 75 %, 7 500 events, 250/s, 10 s left\n'])
})
