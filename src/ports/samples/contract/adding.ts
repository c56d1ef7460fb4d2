// What several nodes have counted is added up, and each batch once.
import { expect } from 'bun:test'
import type { SamplesCase } from './case.ts'
import { HOUR, HOUR_MS, listAll, sample } from './builders.ts'

export const adding: readonly SamplesCase[] = [
  {
    title: 'give each sample as it was added, whatever its subject holds',
    run: async ({ samples }) => {
      const odd = sample(`o'brien "\\ ü 日本 {x},\n`, { 0: 1, 59: 2_000_000_000_000 })
      const below = sample('delay', { 7: -3 })
      await samples.add({ writer: 'a', number: 1, samples: [odd, below] })
      expect((await listAll(samples)).toSorted(bySubject)).toEqual([odd, below].toSorted(bySubject))
    },
  },
  {
    title: 'add the counts of all batches and writers up, minute by minute',
    run: async ({ samples }) => {
      await samples.add({ writer: 'a', number: 1, samples: [sample('s', { 3: 1, 4: 2 }), sample('t', { 3: 9 })] })
      await samples.add({ writer: 'b', number: 1, samples: [sample('s', { 4: 5 })] })
      await samples.add({ writer: 'a', number: 2, samples: [sample('s', { 5: 7 }), sample('s', { 5: 1 }, HOUR + HOUR_MS)] })
      expect(await listAll(samples)).toEqual([
        sample('s', { 3: 1, 4: 7, 5: 7 }),
        sample('t', { 3: 9 }),
        sample('s', { 5: 1 }, HOUR + HOUR_MS),
      ])
    },
  },
  {
    title: 'add a batch once, however often it is sent',
    run: async ({ samples }) => {
      const batch = { writer: 'a', number: 2, samples: [sample('s', { 3: 1 })] }
      await samples.add(batch)
      await samples.add(batch)
      await samples.add({ ...batch, number: 1 })
      await Promise.all([1, 2, 3].map(() => samples.add({ ...batch, number: 3 })))
      expect(await listAll(samples)).toEqual([sample('s', { 3: 2 })])
    },
  },
  {
    title: 'add what writers send at the same time, each once, in whatever order their subjects stand',
    run: async ({ samples }) => {
      const subjects = Array.from({ length: 20 }, (_, i) => `s${i}`)
      const writers = ['a', 'b', 'c', 'd', 'e', 'f']
      await Promise.all(
        writers.map((writer, i) => {
          const ordered = i % 2 ? subjects : subjects.toReversed()
          return samples.add({ writer, number: 1, samples: ordered.map(subject => sample(subject, { 1: 1 })) })
        }),
      )
      const found = await listAll(samples)
      expect(found.map(({ minutes }) => minutes[1])).toEqual(subjects.map(() => writers.length))
    },
  },
]

const bySubject = (one: { readonly subject: string }, other: { readonly subject: string }) =>
  one.subject < other.subject ? -1 : 1
