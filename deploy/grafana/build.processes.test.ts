import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const HERE = import.meta.dir

async function build(...words: readonly string[]): Promise<{ readonly code: number; readonly errors: string }> {
  const child = Bun.spawn([process.execPath, join(HERE, 'build.ts'), ...words], { stdout: 'ignore', stderr: 'pipe' })
  const errors = await new Response(child.stderr).text()
  return { code: await child.exited, errors }
}

test('the script writes the Business dashboard of the app that it is given, and refuses one without measures', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-business-'))
  try {
    const written = join(folder, 'business.json')
    expect(await build(join(HERE, '../../examples/marketplace/app.ts'), written)).toMatchObject({ code: 0 })
    expect(await Bun.file(written).json()).toEqual(await Bun.file(join(HERE, 'dashboards/business.json')).json())
    const { code, errors } = await build(join(HERE, '../../examples/fines/app.ts'), written)
    expect([code, errors]).toEqual([1, expect.stringContaining('serves no measure')])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
