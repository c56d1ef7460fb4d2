// The shape of the whole, held as data: a further folder is a row here.
import { describe, expect, test } from 'bun:test'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { findCircle, importsOf, ROOT, readSources, type Source } from './test-support/sources.ts'

/** Who may import whom. A place is a folder of `src`, a product of `src/adapters`, a file that stands in `src` itself, or `routes`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  routes: [
    'src/agenda',
    'src/config.ts',
    'src/definitions',
    'src/dispatch',
    'src/lib',
    'src/metrics',
    'src/ports',
    'src/query',
    'src/runtime.ts',
    'src/stalls',
    'src/subscription',
    'src/transfer',
  ],
  'src/adapters/cdn': ['src/definitions', 'src/ports'],
  'src/adapters/delivery': ['src/definitions', 'src/lib', 'src/ports'],
  'src/adapters/kafka': ['src/adapters/delivery', 'src/definitions', 'src/ports'],
  'src/adapters/nats': ['src/adapters/delivery', 'src/definitions', 'src/ports'],
  'src/adapters/otel': ['src/definitions', 'src/lib', 'src/ports'],
  'src/adapters/postgres': ['migrations/postgres', 'src/definitions', 'src/lib', 'src/ports'],
  'src/adapters/redis': ['src/definitions', 'src/lib', 'src/ports'],
  'src/adapters/sqlite': ['migrations/sqlite', 'src/definitions', 'src/lib', 'src/ports'],
  'src/adapters/webhooks': ['src/adapters/delivery', 'src/definitions', 'src/dispatch', 'src/ports'],
  'src/agenda': ['src/definitions', 'src/dispatch', 'src/lib', 'src/ports'],
  'src/cli': [
    'routes',
    'src/adapters/postgres',
    'src/adapters/sqlite',
    'src/agenda',
    'src/config.ts',
    'src/definitions',
    'src/lib',
    'src/ports',
    'src/stalls',
    'src/subscription',
    'src/testing',
    'src/transfer',
  ],
  'src/config.ts': ['src/adapters/postgres', 'src/adapters/redis', 'src/adapters/sqlite', 'src/ports'],
  'src/definitions': [],
  'src/lib': [],
  'src/dispatch': ['src/definitions', 'src/lib', 'src/ports'],
  'src/index.ts': [
    'src/definitions',
    'src/dispatch',
    'src/ports',
    'src/query',
    'src/runtime.ts',
    'src/subscription',
    'src/transfer',
  ],
  'src/metrics': ['src/definitions', 'src/dispatch', 'src/lib', 'src/ports', 'src/subscription'],
  'src/ports': ['src/definitions', 'src/lib'],
  'src/query': ['src/definitions', 'src/ports', 'src/subscription'],
  'src/runtime.ts': [
    'src/agenda',
    'src/definitions',
    'src/dispatch',
    'src/lib',
    'src/metrics',
    'src/ports',
    'src/query',
    'src/stalls',
    'src/subscription',
  ],
  'src/stalls': ['src/definitions', 'src/lib', 'src/ports', 'src/subscription'],
  'src/subscription': ['src/definitions', 'src/lib', 'src/ports', 'src/transfer'],
  'src/testing': ['src/definitions', 'src/dispatch', 'src/ports', 'src/runtime.ts', 'src/transfer'],
  'src/transfer': ['src/definitions', 'src/ports'],
}

/** What is pure: no promise, clock, randomness or I/O. */
const PURE = 'src/definitions'
const IMPURE = [
  /\basync\b/,
  /\bawait\b/,
  /\bnew Promise\b/,
  /\bDate\.now\b/,
  /\bnew Date\(\)/,
  /Math\.random/,
  /randomUUID/,
  /\bfetch\(/,
  /\bsetTimeout\b/,
  /'node:/,
  /Bun\.(file|write|sleep|serve)/,
]

/** What each subpath loads when it is imported, besides our own files and what comes with the runtime. */
const LOADS: Readonly<Record<string, readonly string[]>> = {
  'src/index.ts': ['lru-cache'],
  'src/adapters/sqlite/index.ts': [],
  'src/adapters/postgres/index.ts': ['postgres'],
  'src/adapters/redis/index.ts': [],
  'src/adapters/cdn/index.ts': [],
  'src/testing/index.ts': ['lru-cache'],
  'src/adapters/kafka/index.ts': [],
  'src/adapters/nats/index.ts': [],
  'src/adapters/otel/index.ts': ['hono/route'],
  'src/adapters/webhooks/index.ts': [],
  'routes/index.ts': [
    '@hono/zod-validator',
    'hono',
    'hono/bearer-auth',
    'hono/body-limit',
    'hono/html',
    'hono/http-exception',
    'hono/route',
    'hono/router/reg-exp-router',
    'hono/router/smart-router',
    'hono/router/trie-router',
    'hono/utils/handler',
    'lru-cache',
    'zod',
  ],
}

/** The place that a file is in. */
function placeOf(path: string): string {
  const steps = path.split('/')
  if (steps[0] !== 'src') return steps[0] === 'migrations' ? steps.slice(0, 2).join('/') : steps[0]!
  return steps.slice(0, steps[1] === 'adapters' ? 3 : 2).join('/')
}

const isOurs = (path: string): boolean => /^(src|routes|migrations)\//.test(path)

function strangers(source: Source): readonly string[] {
  const from = placeOf(source.path)
  const allowed = new Set([from, ...(MAY_IMPORT[from] ?? [])])
  return importsOf(source)
    .filter(path => isOurs(path) && !allowed.has(placeOf(path)))
    .map(path => `${source.path} imports ${placeOf(path)}`)
}

/** The arrows between files, or between what `of` makes of them. */
function arrowsOf(sources: readonly Source[], of: (path: string) => string): ReadonlyMap<string, ReadonlySet<string>> {
  const arrows = new Map<string, Set<string>>()
  for (const source of sources) {
    const from = of(source.path)
    const to = arrows.get(from) ?? new Set()
    for (const path of importsOf(source)) if (isOurs(path) && of(path) !== from) to.add(of(path))
    arrows.set(from, to)
  }
  return arrows
}

function impurities({ path, text }: Source): readonly string[] {
  const code = text.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '')
  return IMPURE.filter(pattern => pattern.test(code)).map(pattern => `${path}: ${pattern}`)
}

async function loads(entry: string): Promise<readonly string[]> {
  const built = await Bun.build({
    entrypoints: [join(ROOT, entry)],
    target: 'bun',
    packages: 'external',
    splitting: true,
    minify: { whitespace: true },
  })
  const main = built.outputs.find(({ kind }) => kind === 'entry-point')!
  const texts = new Map(
    await Promise.all(built.outputs.map(async output => [output.path.replace(/^.*\//, ''), await output.text()] as const)),
  )
  const found = new Set<string>()
  const visit = (name: string) => {
    for (const { path, kind } of new Bun.Transpiler().scanImports(texts.get(name)!)) {
      if (kind !== 'import-statement') continue
      if (path.startsWith('./')) visit(path.slice(2))
      else found.add(path)
    }
  }
  visit(main.path.replace(/^.*\//, ''))
  return [...found].filter(path => !isBuiltin(path)).sort()
}

const buildSource = (path: string, imported: string): Source => ({ path, text: `import type { X } from '${imported}'\n` })

describe('the layout', () => {
  test('the layout has a row for each place, and no other', () => {
    expect([...new Set(readSources().map(({ path }) => placeOf(path)))].sort()).toEqual(Object.keys(MAY_IMPORT).sort())
  })

  test('the layout lets a place import only those of its row', () => {
    expect(readSources().flatMap(strangers)).toEqual([])
  })

  test('the layout allows no import that nothing uses', () => {
    const arrows = arrowsOf(readSources(), placeOf)
    const unused = Object.entries(MAY_IMPORT).flatMap(([from, to]) => to.filter(place => !arrows.get(from)?.has(place)))
    expect(unused).toEqual([])
  })

  test('the test of the layout finds an import that goes the wrong way, also of a type', () => {
    expect(strangers(buildSource('src/definitions/event/x.ts', '../../ports/store/store.ts'))).toEqual([
      'src/definitions/event/x.ts imports src/ports',
    ])
  })

  test('the layout has no circle between places', () => {
    expect(findCircle(arrowsOf(readSources(), placeOf))).toEqual([])
  })

  test('the layout has no circle between files', () => {
    expect(findCircle(arrowsOf(readSources(), path => path))).toEqual([])
  })

  test('the test of the layout finds a circle between places whose files have none', () => {
    const sources = [
      buildSource('src/ports/a.ts', '../query/a.ts'),
      { path: 'src/query/a.ts', text: '' },
      buildSource('src/query/b.ts', '../ports/b.ts'),
      { path: 'src/ports/b.ts', text: '' },
    ]
    expect(findCircle(arrowsOf(sources, placeOf))).toEqual(['src/ports', 'src/query'])
    expect(findCircle(arrowsOf(sources, path => path))).toEqual([])
  })

  test('the test of the layout finds a circle between files of one place, and a longer one', () => {
    const ring = ['a', 'b', 'c'].map((name, i, all) => buildSource(`src/lib/${name}.ts`, `./${all[(i + 1) % 3]}.ts`))
    expect(findCircle(arrowsOf(ring, path => path))).toEqual(['src/lib/a.ts', 'src/lib/b.ts', 'src/lib/c.ts'])
    expect(findCircle(arrowsOf(ring.slice(0, 2), path => path))).toEqual([])
  })

  test('the layout keeps clocks, randomness, promises and I/O out of pure places', () => {
    expect(
      readSources()
        .filter(({ path }) => placeOf(path) === PURE)
        .flatMap(impurities),
    ).toEqual([])
  })

  test('the test of the layout finds a clock in a pure place', () => {
    expect(impurities({ path: 'src/definitions/x.ts', text: 'const now = Date.now()\n' })).toHaveLength(1)
    expect(impurities({ path: 'src/definitions/x.ts', text: '// never by Date.now()\n' })).toEqual([])
  })

  for (const [entry, expected] of Object.entries(LOADS)) {
    test(`an import of ${entry} loads nothing but ${expected.join(', ') || 'itself'}`, async () => {
      expect(await loads(entry)).toEqual([...expected])
    })
  }
})
