import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { sourceOf, sourcePlants } from './sources.ts'

test.each(Object.entries(sourcePlants))('the bug "%s" finds its place in the source exactly once', (_, plant) => {
  expect(readFileSync(sourceOf(plant), 'utf8').split(plant.found)).toHaveLength(2)
})
