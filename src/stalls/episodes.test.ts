import { expect, test } from 'bun:test'
import { Metrics } from '../metrics/registry.ts'
import type { Notice } from '../ports/report/notice.ts'
import { EPISODES_MAX, RECORD_MS, StallEpisodes } from './episodes.ts'
import type { Stall, StallCause } from './stall.ts'

const stall = (cause: StallCause = 'lock-idle', own: Partial<Stall> = {}): Stall => ({
  ...{ cause, subject: 'log', sentence: 'Appends stand still.', since: null, mend: 'End it.', chain: [] },
  ...own,
})

function open() {
  let now = Date.parse('2026-01-31T12:00:00.000Z')
  const [reported, metrics] = [[] as Notice[], new Metrics()]
  const episodes = new StallEpisodes(
    problem => void reported.push(problem as Notice),
    metrics,
    () => now,
  )
  const readValue = async (name: string, cause: string) => {
    const found = (await metrics.read()).find(one => one.name === name)
    return found?.series.find(({ values }) => values[0] === cause)?.counted
  }
  const advance = (ms: number) => {
    now += ms
  }
  return { episodes, reported, readValue, advance }
}

test('an episode is recorded once as it has lasted for some time, and once as it ends, however often it is seen', () => {
  const { episodes, reported, advance } = open()
  for (let i = 0; i < 20; i++) {
    episodes.see([stall()])
    advance(1_000)
  }
  expect(reported).toMatchObject([
    {
      level: 'warn',
      code: 'stall-began',
      message: 'Appends stand still. End it.',
      fields: { cause: 'lock-idle', subject: 'log' },
    },
  ])
  episodes.see([])
  episodes.see([])
  expect(reported.slice(1)).toMatchObject([{ level: 'info', code: 'stall-ended', fields: { lastedMs: 20_000, times: 20 } }])
})

test('an episode that is short is kept and counted, and recorded by nobody', async () => {
  const { episodes, reported, advance, readValue } = open()
  episodes.see([stall()])
  advance(RECORD_MS - 1)
  episodes.see([stall()])
  episodes.see([])
  expect([reported, await readValue('emaki.stall.episodes', 'lock-idle')]).toEqual([[], 1])
  expect(episodes.ended).toMatchObject([{ since: '2026-01-31T12:00:00.000Z', ended: '2026-01-31T12:00:04.999Z', times: 2 }])
})

test('an episode is explained by what was seen of it last, and lasts from its begin on', async () => {
  const { episodes, advance, readValue } = open()
  episodes.see([stall('lock-idle', { since: '2026-01-31T11:59:58.000Z' })])
  advance(2_000)
  episodes.see([stall('lock-idle', { since: '2026-01-31T12:00:01.000Z', sentence: 'Another one has it.' })])
  expect(episodes.open).toMatchObject([{ since: '2026-01-31T11:59:58.000Z', sentence: 'Another one has it.', ended: null }])
  expect([await readValue('emaki.stall.time', 'lock-idle'), await readValue('emaki.stall.time', 'standby')]).toEqual([4, 0])
  episodes.see([])
  expect(await readValue('emaki.stall.time', 'lock-idle')).toBe(0)
})

test('what has records of its own, such as a retry, is kept without another one', () => {
  const { episodes, reported, advance } = open()
  episodes.see([stall('retry'), stall('store')])
  advance(60_000)
  episodes.see([stall('retry'), stall('store')])
  episodes.see([])
  expect([reported, episodes.ended.map(({ cause }) => cause)]).toEqual([[], ['store', 'retry']])
})

test('of ended episodes the last ones are kept', () => {
  const { episodes } = open()
  for (let i = 0; i < EPISODES_MAX + 7; i++) episodes.seeEnded(stall('event-loop', { subject: `p${i}` }), 1_000)
  expect(episodes.ended.map(({ subject }) => subject)).toEqual(
    Array.from({ length: EPISODES_MAX }, (_, i) => `p${EPISODES_MAX + 6 - i}`),
  )
})
