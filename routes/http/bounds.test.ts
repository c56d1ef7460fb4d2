// docs/bounds.md says what a request may be, and what a schema has to do.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { z } from 'zod'
import { CUSTOM_META_LENGTH_MAX } from '../../src/definitions/event/custom-meta.ts'
import { NAME_LENGTH_MAX } from '../../src/definitions/event/names.ts'
import { PAYLOAD_DEPTH_MAX, PAYLOAD_LENGTH_MAX } from '../../src/definitions/event/payload.ts'
import { READS_MAX } from '../../src/dispatch/streams-read.ts'
import { CRITERION_VALUES_MAX } from '../../src/ports/read-model/filter.ts'
import { LIST_LIMIT_MAX } from '../../src/query/rows.ts'
import { ROOT } from '../../src/test-support/sources.ts'
import { BODY_LIMIT } from '../app.ts'
import { FILTER_VALUES_MAX } from '../../src/ports/store/event-filter.ts'
import { websocket } from '../events/server.ts'
import { BODY_SIZE_MAX } from './body-limit.ts'
import { ERRORS_MAX, TEXT_LENGTH_MAX } from './problem.ts'

test('each bound of docs/bounds.md is the bound of the source', async () => {
  const [page = ''] = (await Bun.file(join(ROOT, 'docs/bounds.md')).text()).split('\n## ')
  const rows = [...page.matchAll(/^\| (?!what|-)[^|]+\| ([^|]+)\|$/gm)].map(([, bound]) => bound!.trim())
  const shown = (bound: number) => bound.toLocaleString('en').replaceAll(',', ' ')
  expect(rows).toEqual([
    `${shown(BODY_LIMIT)} bytes: \`app({ bodyLimit })\``,
    `at most ${shown(BODY_SIZE_MAX)} bytes`,
    shown(PAYLOAD_DEPTH_MAX),
    `${shown(PAYLOAD_LENGTH_MAX)} characters of its JSON`,
    `${shown(NAME_LENGTH_MAX)} characters: [the rule](names.md)`,
    shown(READS_MAX),
    `${shown(CUSTOM_META_LENGTH_MAX)} characters of its JSON`,
    `${shown(ERRORS_MAX)}, each text ${shown(TEXT_LENGTH_MAX)} characters`,
    shown(LIST_LIMIT_MAX),
    shown(CRITERION_VALUES_MAX),
    shown(FILTER_VALUES_MAX),
    `${shown(websocket.maxPayloadLength!)} bytes`,
  ])
})

test('a schema looks at no element of a list that is longer than its bound', () => {
  let looked = 0
  const item = z.custom(() => ++looked < 0)
  const isFit = (schema: z.ZodType) => z.object({ list: schema }).safeParse({ list: Array(50).fill(0) }).success
  expect([isFit(z.array(item).max(10)), looked]).toEqual([false, 0])
  expect([isFit(z.array(item)), looked]).toEqual([false, 50])
})
