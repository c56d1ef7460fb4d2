// An example that no test runs fails where it was made.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SPECS = import.meta.dir
const ORDER = join(import.meta.dir, '../../../examples/marketplace/order.ts')
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'emaki-never-run-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a file of tests. Gives how it ended, and what it printed. */
async function runFile(name: string, body: string): Promise<{ readonly code: number; readonly text: string }> {
  const file = join(folder, `${name}.test.ts`)
  writeFileSync(
    file,
    `import { test } from 'bun:test'
import { any } from '${SPECS}/../arbitraries/any.ts'
import { forAll } from '${SPECS}/../for-all.ts'
import { given } from '${SPECS}/given.ts'
import { happened } from '${SPECS}/expected.ts'
import { verify } from '${SPECS}/spec.ts'
import { order } from '${ORDER}'
const cancelled = () => given(order).when(order.cancel('o1', {}))
${body}`,
  )
  const child = Bun.spawn([process.execPath, 'test', file], { stdout: 'pipe', stderr: 'pipe' })
  const [out, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code: await child.exited, text: out + error }
}

const NEVER_RUN = 'it was made and never run; give it to verify, or call run()'

test.each([
  ['that a test returns', `test('cancels', () => cancelled().then(happened()) as never)`, 'order.cancel: no event'],
  [
    'that a test waits for',
    `test('cancels', async () => { await (cancelled().then(happened()) as never) })`,
    'order.cancel: no event',
  ],
  ['at the top of a file', `cancelled().then(happened())\ntest('other', () => {})`, 'order.cancel: no event'],
  ['that expects nothing', `test('cancels', () => { cancelled() })`, 'given, when order.cancel'],
])('an example %s and that nobody runs fails', async (title, body, what) => {
  const { code, text } = await runFile(title.replaceAll(' ', '-'), body)
  expect(text).toInclude(`${what}: ${NEVER_RUN}`)
  expect(code).toBe(1)
})

test('a property with an async function that nobody waits for fails, and one that is awaited holds or fails', async () => {
  const slow = 'async ({ reason }) => { await Bun.sleep(1); return reason !== 7 }'
  const left = await runFile('left', `test('left', () => { forAll(any(order.cancel), ${slow}) })`)
  expect(left.text).toInclude('forAll with an async function: it was begun and is not over; await it')
  expect(left.code).toBe(1)
  const awaited = await runFile('awaited', `test('awaited', async () => { await forAll(any(order.cancel), ${slow}) })`)
  expect([awaited.code, awaited.text.includes('1 pass')]).toEqual([0, true])
  const wrong = await runFile('wrong', `test('wrong', () => forAll(any(order.cancel), async () => false))`)
  expect(wrong.text).toInclude('it does not hold for')
  expect(wrong.code).toBe(1)
})

test('an example that is verified, and one that is run by hand, is a test that holds or fails', async () => {
  const held = await runFile(
    'held',
    `verify({ 'is not cancelled': given(order).when(order.cancel('o1', {})).then({ expects: 'rejection', code: 'not-cancellable', afterMs: null }) })
test('by hand', () => given(order).when(order.cancel('o1', {})).then({ expects: 'rejection', code: 'not-cancellable', afterMs: null }).run())`,
  )
  expect(held.text).toInclude('2 pass')
  expect(held.code).toBe(0)
  const failing = await runFile('failing', `verify({ 'is cancelled': cancelled().then(happened()) })`)
  expect(failing.text).toInclude('it is not accepted, but rejected')
  expect(failing.code).toBe(1)
})
