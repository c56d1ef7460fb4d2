import { expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../src/definitions/decider/decider.ts'
import { events } from '../src/definitions/event/events.ts'
import { client } from '../src/test-support/http.ts'

const LONG = `A${'b'.repeat(62)}`
const deciderOf = (name: string) => {
  const Family = events(name, { Done: z.object({ by: z.string() }) })
  return decider(Family, {
    initial: { by: '' },
    evolve: { Done: (_, { by }) => ({ by }) },
    commands: { do: z.object({ by: z.string() }) },
    decide: { do: (_, data) => Family.Done(data) },
    expose: z.object({ by: z.string() }),
  })
}

test('families whose names differ only in capitals, or have 63 characters, are served and told apart in every path', async () => {
  const names = ['order', 'Order', 'ORDER', LONG]
  const { post, get } = client({ serve: names.map(deciderOf) })
  for (const by of names)
    expect(await post(`/${by}/1/do`, { by })).toMatchObject({ status: 201, body: { stream: `${by}-1`, version: 1 } })
  for (const by of names) {
    expect((await get(`/${by}/1`)).body).toEqual({ by })
    expect((await get(`/streams/${by}-1`)).body).toMatchObject({ stream: `${by}-1`, version: 1, events: [{ data: { by } }] })
  }
  const { paths } = (await get('/openapi.json')).body as { paths: Record<string, Record<string, { operationId: string }>> }
  const ids = Object.values(paths).flatMap(path => Object.values(path).map(({ operationId }) => operationId))
  expect(new Set(ids).size).toBe(ids.length)
  for (const by of names) expect(Object.keys(paths)).toContain(`/${by}/{id}/do`)
})
