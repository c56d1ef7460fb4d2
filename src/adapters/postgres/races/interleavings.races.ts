import { describe, expect } from 'bun:test'
import { form, race } from './form.ts'
import { type Ending, interleave, type Schedule, STEPS, sceneNames } from './interleave.ts'
import { orders } from './orders.ts'
import type { Random } from './random.ts'

describe('two and three writers', () => {
  race('two writers keep every promise in every order of their steps, in every scene', async random => {
    const schedules = orders([STEPS, STEPS]).flatMap(order =>
      sceneNames.map(scene => ({ order, scene, endings: endings(random, 2) })),
    )
    expect(await interleave({}, 2, schedules)).toEqual([])
  })

  race('three writers keep every promise in every order of their steps', async random => {
    const all = orders([STEPS, STEPS, STEPS])
    const taken = form(random.shuffle(all).slice(0, 250), all)
    const schedules = taken.flatMap((order): Schedule[] => [
      { order, scene: random.pick(sceneNames), endings: endings(random, 3) },
    ])
    expect(await interleave({}, 3, schedules)).toEqual([])
  })
})

function endings(random: Random, many: number): readonly Ending[] {
  return Array.from({ length: many }, () => random.pick<Ending>(['commit', 'commit', 'commit', 'cancel', 'terminate']))
}
