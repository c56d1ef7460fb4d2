// The recipes that nothing here can run: they are of a piece, and name only fields that records have.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { parse } from 'yaml'
import { app } from '../../routes/app.ts'
import { Notice } from '../../src/ports/report/notice.ts'
import { recordOf } from '../../src/ports/report/notice-record.ts'
import { thing } from '../../src/test-support/shop.ts'

const textOf = (name: string) => Bun.file(join(import.meta.dir, name)).text()
const read = async <T>(name: string): Promise<T> => parse(await textOf(name)) as T

/** The fields that a record of a failed request has. */
async function fieldsOfRecords(): Promise<ReadonlySet<string>> {
  const found: unknown[] = []
  const served = app({ serve: [thing], report: problem => void found.push(problem), requestRecords: { oneIn: 1 } })
  await served.request('/thing/a/set', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } })
  await (await served.runtime()).close()
  const fields = new Notice({ level: 'warn', code: 'c', message: 'm', fields: { traceId: 't', correlation: 'c' } })
  return new Set([...found, fields, new Error('e')].flatMap(problem => Object.keys(recordOf(problem, 0))))
}

type Collector = {
  readonly receivers: object
  readonly processors: object
  readonly exporters: object
  readonly service: { readonly pipelines: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> }
}
type Vector = Readonly<
  Record<'sources' | 'transforms' | 'sinks', Readonly<Record<string, { readonly inputs?: readonly string[] }>>>
>
type Lnav = { readonly emaki_log: { readonly value: object } & Readonly<Record<`${string}-field`, string>> }

test('the recipe of the collector has each part that its pipelines name, and uses each part that it has', async () => {
  const collector = await read<Collector>('collector.yaml')
  for (const kind of ['receivers', 'processors', 'exporters'] as const) {
    const named = Object.values(collector.service.pipelines).flatMap(pipeline => pipeline[kind] ?? [])
    expect(new Set(named)).toEqual(new Set(Object.keys(collector[kind])))
  }
})

test('the recipe of Vector has each input that its parts name', async () => {
  const { sources, transforms, sinks } = await read<Vector>('vector.yaml')
  const inputs = [...Object.values(transforms), ...Object.values(sinks)].flatMap(part => part.inputs ?? [])
  const parts = [...Object.keys(sources), ...Object.keys(transforms)]
  expect(new Set(inputs)).toEqual(new Set(parts))
})

test('the recipe of Alloy sends to each component that it has, and closes what it opens', async () => {
  const text = await textOf('alloy.alloy')
  const components = [...text.matchAll(/^([a-z_.]+) "([a-z_]+)" \{$/gm)].map(([, kind, name]) => `${kind}.${name}`)
  const used = [...text.matchAll(/([a-z_]+(?:\.[a-z_]+)+)\.(?:receiver|output|targets)/g)].map(([, name]) => name!)
  expect(components.length).toBe(5)
  expect(used.filter(name => !components.includes(name))).toEqual([])
  expect(text.split('{').length).toBe(text.split('}').length)
})

test('every recipe names fields that records have', async () => {
  const fields = await fieldsOfRecords()
  const lnav = (await Bun.file(join(import.meta.dir, 'lnav/formats/emaki/emaki.json')).json()) as Lnav
  const named = {
    alloy: [...(await textOf('alloy.alloy')).matchAll(/^ {6}\w+ += "(\w+)",$/gm)].map(([, name]) => name!),
    vector: [...(await textOf('vector.yaml')).matchAll(/\{\{ (\w+) \}\}/g)].map(([, name]) => name!),
    collector: [...(await textOf('collector.yaml')).matchAll(/attributes\.(\w+)/g)].map(([, name]) => name!),
    lnav: [
      ...Object.keys(lnav.emaki_log.value),
      ...Object.entries(lnav.emaki_log).flatMap(([name, value]) => (name.endsWith('-field') ? [value as string] : [])),
    ],
  }
  const added = ['node', 'file', 'error/name']
  for (const [recipe, names] of Object.entries(named)) {
    expect(names.length).toBeGreaterThan(2)
    expect([recipe, names.filter(name => !fields.has(name) && !added.includes(name))]).toEqual([recipe, []])
  }
})
