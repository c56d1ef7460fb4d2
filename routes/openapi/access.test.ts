import { expect, test } from 'bun:test'
import { allow } from '../../src/definitions/access/allow.ts'
import { diary, note, ofOneself } from '../../src/test-support/diary.ts'
import { openClient } from '../../src/test-support/http.ts'

type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: object }>>>> }
const responsesOf = async (authorize: typeof ofOneself | null) => {
  const { body } = await openClient({ serve: diary, ...(authorize && { authorize }) }).get('/openapi.json')
  const { paths } = body as Document
  return (path: string, method: string) => {
    const { 403: forbidden, 404: missing } = paths[path]![method]!.responses as Record<string, { readonly $ref: string }>
    return [forbidden, missing].map(one => one?.$ref.split('/').at(-1) ?? null)
  }
}

test('an operation with a rule says in OpenAPI that it may be refused, and as what it may be hidden', async () => {
  const of = await responsesOf(ofOneself)
  expect(of('/note/{id}/change', 'post')).toEqual(['NoAccess', 'StreamNotFound'])
  expect(of('/note/change', 'post')).toEqual(['NoAccess', 'StreamNotFound'])
  expect(of('/note/{id}', 'get')).toEqual(['NoAccess', 'StreamNotFound'])
  expect(of('/notes/{key}', 'get')).toEqual(['NoAccess', 'RowNotFound'])
  expect(of('/notes/{key}/events', 'get')).toEqual(['NoAccess', 'RowNotFound'])
  expect(of('/notes', 'get')).toEqual(['NoAccess', 'NotFound'])
  expect(of('/notes-written', 'get')).toEqual(['NoAccess', 'NotFound'])
})

test('an operation that is for all says in OpenAPI what it says without rules', async () => {
  const [without, open] = [await responsesOf(null), await responsesOf([allow(note, { commands: 'all', state: 'all' })])]
  for (const [path, method] of [
    ['/note/{id}/change', 'post'],
    ['/note/{id}', 'get'],
  ] as const)
    expect(open(path, method)).toEqual(without(path, method))
})
