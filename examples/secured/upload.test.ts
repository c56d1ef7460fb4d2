import { expect, test } from 'bun:test'
import { memory } from 'emaki'
import { makeShop, PHOTO_BYTES_MAX } from './upload.ts'

const kept = new Map<string, number>()
const shop = makeShop({ store: memory(), save: async (name, bytes) => void kept.set(name, bytes.length) })
/** `length`: what the request says of its body. */
const send = async (method: string, path: string, body: string, length = body.length) => {
  const headers = { 'Content-Type': 'application/json', 'Content-Length': String(length) }
  const answer = await shop.request(path, { method, headers, body })
  return { status: answer.status, body: (await answer.json()) as { readonly name: string } }
}

test('an upload may be larger than a command may, up to a limit of its own', async () => {
  const large = ' '.repeat(1_048_577)
  const { status, body } = await send('PUT', '/photos', large)
  expect([status, kept.get(body.name)]).toEqual([201, large.length])
  expect(await send('POST', '/order/o1/place', large)).toMatchObject({ status: 413, body: { limit: 1_048_576 } })
  expect(await send('PUT', '/photos', 'x', PHOTO_BYTES_MAX + 1)).toMatchObject({
    status: 413,
    body: { type: '/problems/payload-too-large', limit: PHOTO_BYTES_MAX },
  })
})
