// Loaded before a node that is to be broken: replaces a text of one source. See sources.ts.
import { once } from '../../adapters/postgres/races/once.ts'
import type { NodeJob } from './nodes.ts'
import { sourceOf, sourcePlants } from './sources.ts'

const { plant } = JSON.parse(process.argv[2]!) as NodeJob
if (plant !== null && plant in sourcePlants) {
  const { found, by, ...one } = sourcePlants[plant as keyof typeof sourcePlants]
  const source = sourceOf(one)
  Bun.plugin({
    name: plant,
    setup: build => {
      build.onLoad({ filter: new RegExp(`${RegExp.escape(source)}$`) }, async () => ({
        contents: once(await Bun.file(source).text(), found, () => by),
        loader: 'ts',
      }))
    },
  })
}
