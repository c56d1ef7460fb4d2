// What is tried again and again is reported, held by the words of the sources.
import { expect, test } from 'bun:test'
import { readSources, type Source } from './test-support/sources.ts'

/** Where something is repeated: a wait that grows, or a clock that calls. */
const REPEATS = /\b(backOff|setInterval)\(/
/** What repeats and cannot fail, or is reported elsewhere, with the reason. */
const SILENT: Readonly<Record<string, string>> = {
  'src/lib/back-off.ts': 'it defines the wait',
  'src/dispatch/dispatcher.ts': 'it drops states from memory',
  'routes/events/live.ts': 'it looks at what is in memory, and a follower ends with its failure',
}

const unreported = (sources: readonly Source[]) =>
  sources.filter(({ path, text }) => REPEATS.test(text) && !text.includes('new Episode(') && !(path in SILENT))

test('each source that tries again and again reports that as an episode', () => {
  expect(unreported(readSources()).map(({ path }) => path)).toEqual([])
  for (const path of Object.keys(SILENT)) expect(readSources().find(source => source.path === path)?.text).toMatch(REPEATS)
})

test('a source that tries again without an episode is found', () => {
  const planted = { path: 'src/agenda/planted.ts', text: 'await sleep(backOff(failures++, RETRY))' }
  expect(unreported([planted])).toEqual([planted])
})
