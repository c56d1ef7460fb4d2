// Samples are listed in the order of time, page after page, and old ones go.
import { expect } from 'bun:test'
import type { Sample } from '../samples.ts'
import type { SamplesCase } from './case.ts'
import { HOUR, HOUR_MS, listAll, sample } from './builders.ts'

const keyOf = ({ hour, subject }: Sample) => `${(hour - HOUR) / HOUR_MS} ${subject}`

export const listing: readonly SamplesCase[] = [
  {
    title: 'list samples in the order of their hours, from a place on, and no more than the limit',
    run: async ({ samples }) => {
      const added = [2, 0, 1].flatMap(hour => ['b', 'a'].map(subject => sample(subject, { 0: 1 }, HOUR + hour * HOUR_MS)))
      await samples.add({ writer: 'a', number: 1, samples: added })
      expect((await listAll(samples)).map(keyOf)).toEqual(['0 a', '0 b', '1 a', '1 b', '2 a', '2 b'])
      expect((await listAll(samples, 3)).map(keyOf)).toEqual(['0 a', '0 b', '1 a'])
      const rest = await samples.list({ after: { hour: HOUR + HOUR_MS, subject: 'a' }, limit: 9 })
      expect(rest.map(keyOf)).toEqual(['1 b', '2 a', '2 b'])
      expect((await samples.list({ after: { hour: HOUR + HOUR_MS, subject: '' }, limit: 1 })).map(keyOf)).toEqual(['1 a'])
    },
  },
  {
    title: 'list page after page each sample once, whatever their subjects hold',
    run: async ({ samples }) => {
      const subjects = ['z', 'Z', 'a-b', 'a b', 'a.b', 'ä', '日', '\u{1f600}', '\uffe0', "'"]
      await samples.add({ writer: 'a', number: 1, samples: subjects.map(subject => sample(subject, { 0: 1 })) })
      const found: Sample[] = []
      for (let after = { hour: 0, subject: '' }; ; after = found.at(-1)!) {
        const page = await samples.list({ after, limit: 1 })
        if (!page.length) break
        found.push(...page)
      }
      expect(found.map(({ subject }) => subject).toSorted()).toEqual(subjects.toSorted())
    },
  },
  {
    title: 'forget the hours before a time, and say how many',
    run: async ({ samples }) => {
      const old = sample('s', { 0: 1 }, HOUR - HOUR_MS)
      await samples.add({ writer: 'a', number: 1, samples: [old, sample('s', { 0: 1 }), sample('t', { 0: 1 })] })
      await samples.add({ writer: 'b', number: 1, samples: [old] })
      expect(await samples.forget(HOUR)).toBe(1)
      expect(await samples.forget(HOUR)).toBe(0)
      expect(await listAll(samples)).toEqual([sample('s', { 0: 1 }), sample('t', { 0: 1 })])
    },
  },
  {
    title: 'forget a writer with its last hour, and no other one',
    run: async ({ samples }) => {
      const gone = { writer: 'gone', number: 1, samples: [sample('s', { 0: 1 }, HOUR - HOUR_MS)] }
      const running = { writer: 'running', number: 1, samples: [sample('s', { 0: 1 })] }
      for (const batch of [gone, running]) await samples.add(batch)
      await samples.forget(HOUR)
      for (const batch of [gone, running]) await samples.add(batch)
      expect(await listAll(samples)).toEqual([...gone.samples, ...running.samples])
    },
  },
]
