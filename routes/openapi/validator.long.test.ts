// The validator is worth what it finds: documents with one fault each.
import { expect, test } from 'bun:test'
import { order } from '../../examples/marketplace/order.ts'
import { type Document, faults, fetchDocument } from './validator.cases.ts'

test.each<[string, (document: Document) => void]>([
  ['an operation id that is there twice', ({ paths }) => (paths['/health'].get.operationId = 'placeOrder')],
  ['a path parameter that nobody declares', ({ paths }) => paths['/order/{id}/place'].post.parameters.shift()],
  ['a reference to nothing', ({ components }) => delete components.schemas.OrderPlaced],
  ['a response without a description', ({ components }) => delete components.responses.Internal.description],
  ['a schema of no known type', ({ components }) => (components.schemas.PlaceOrder.type = 'basket')],
  ['a parameter that is nowhere', ({ components }) => (components.parameters.At.in = 'body')],
  ['a tag that nobody explains', ({ paths }) => (paths['/health'].get.tags = ['heath'])],
  ['a field that is required and unknown', ({ components }) => components.schemas.PlaceOrder.required.push('customer')],
  ['an example that does not fit', ({ components }) => (exampleOf(components.responses.Internal).status = '500')],
])('the validator finds %s', async (_, spoil) => {
  const document = await fetchDocument({ serve: [order] })
  spoil(document)
  expect(await faults(document)).not.toEqual([])
})
const exampleOf = (response: Document) => response.content['application/problem+json'].examples.internal.value
