// What the README and the other pages say is true: their samples are parts of files that tests run, their commands have tests, the places
// and names that they give exist, and their prose is plain.
import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { verbs } from '../src/cli/verbs.ts'
import { ELSEWHERE, SAMPLES, VERBS } from './testing/commands.ts'
import { blocksOf, commandsOf, curlsOf, linksOf, type Page, placesOf, proseOf, ROOT, readPages } from './testing/pages.ts'

const COLUMNS_MAX = 120
const README_LINES_MAX = 250
const SAMPLE_LINES_MAX = 40
/** Tests of the pages themselves, and of what runs in a process of its own. */
const OF_THE_DOCS = /^(readme|samples|curl|account)\.test\.ts$|\.(processes|servers|long)\.test\.ts$/
/** Words of an older design, which say other things to those who do not know it. */
const OLD_WORDS = /\b(flights?|lanes?|desks?|landed|told)\b/i

const pages = await readPages()
const readme = pages.find(({ path }) => path === 'README.md')!
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const { scripts, exports } = JSON.parse(read('package.json')) as {
  readonly scripts: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string>>
}

/** Samples of a page that are no part of a file that a test runs. */
function unrunSamples(page: Page): readonly string[] {
  const files = Object.keys(SAMPLES).map(read)
  return blocksOf(page)
    .filter(({ language, code }) => !(language === 'ts' ? files.some(file => file.includes(code)) : /^(sh|text)$/.test(language)))
    .map(({ code }) => code)
}

/** Commands of a page that no test runs. */
function unrunCommands(page: Page): readonly string[] {
  const curls = curlsOf(page).map(({ line }) => `curl ${line}`)
  return commandsOf(page).filter(command => {
    const [program, verb, ...rest] = command.split(' ')
    if (command in VERBS || command in ELSEWHERE || curls.includes(command)) return false
    if (program === '…') return rest.length > 0 || verb === undefined || (verb !== 'VERB' && !Object.hasOwn(verbs, verb))
    return !command.startsWith('bun run bench') || !isBench(command)
  })
}

/** Whether the bench takes such a line. `.ci/run` runs a short one; the whole takes most of an hour. */
function isBench(command: string): boolean {
  const words = command.split(' ').slice(3)
  const options = words.filter((_, i) => i % 2 === 0)
  const cells = words.flatMap((word, i) => (words[i - 1] === '--cells' ? word.split(',') : []))
  const table = read('bench/README.md')
  const isKnown = options.every(option => /^--(cells|variants|systems|seconds|json)$/.test(option))
  return words.length % 2 === 0 && isKnown && cells.every(cell => table.includes(`\n| ${cell} `))
}

/** Whether a place exists. A module may be named without its ending. */
function isThere(place: string): boolean {
  return ['', '.ts', '.test.ts', '.races.ts'].some(ending => existsSync(join(ROOT, `${place}${ending}`)))
}

const planted = (text: string): Page => ({ path: 'docs/planted.md', text })

describe('the README', () => {
  test('the README is short, and shows a whole app of at most forty lines', () => {
    const account = read('examples/account.ts')
    expect(readme.text.split('\n').length).toBeLessThanOrEqual(README_LINES_MAX)
    expect(readme.text).toContain(`\`\`\`ts\n${account}\`\`\``)
    expect(account.trimEnd().split('\n').length).toBeLessThanOrEqual(SAMPLE_LINES_MAX)
  })

  test('the README shows the only table of figures', () => {
    const figures = pages.filter(page => page.path !== 'bench/README.md' && /^\| what +\| Emaki +\|/m.test(page.text))
    expect(figures.map(({ path }) => path)).toEqual(['README.md'])
  })
})

for (const page of pages)
  describe(page.path, () => {
    test(`${page.path} shows only samples of files that tests run`, () => expect(unrunSamples(page)).toEqual([]))
    test(`${page.path} gives only commands that tests run`, () => expect(unrunCommands(page)).toEqual([]))

    test(`${page.path} names only files, scripts and imports that exist`, () => {
      const named = [...page.text.matchAll(/\bbun(?:@[\d.]+)? run ([\w:]+)/g)].map(([, name]) => name!)
      const imports = [...page.text.matchAll(/['`]emaki(\/\w+)?['`]/g)].map(([, subpath = '']) => `.${subpath}`)
      expect([...linksOf(page), ...placesOf(page)].filter(path => !isThere(path))).toEqual([])
      expect(named.filter(name => !Object.hasOwn(scripts, name))).toEqual([])
      expect(imports.filter(subpath => !Object.hasOwn(exports, subpath))).toEqual([])
    })

    test(`${page.path} links only to headings that exist`, () => {
      const broken = [...proseOf(page).matchAll(/\]\(([\w./-]*)#([\w-]+)\)/g)].filter(([, link, anchor]) => {
        const target = link ? join(page.path, '..', link) : page.path
        return !headingsOf(pages.find(({ path }) => path === target)!).includes(anchor!)
      })
      expect(broken.map(([link]) => link)).toEqual([])
    })

    test(`${page.path} has no long line and no old word in its prose`, () => {
      const prose = proseOf(page).split('\n')
      expect(prose.filter(line => line.length > COLUMNS_MAX && !line.startsWith('|'))).toEqual([])
      expect(prose.filter(line => OLD_WORDS.test(line))).toEqual([])
      // Samples that are fenced or indented otherwise would not be found.
      expect(prose.filter(line => /^\s*(```|~~~)|^ {4}/.test(line))).toEqual([])
    })
  })

describe('the pages', () => {
  test('every page of docs/ is listed', () => {
    const all = [...new Bun.Glob('docs/**/*.md').scanSync(ROOT)]
    expect(all.toSorted()).toEqual(
      pages
        .map(({ path }) => path)
        .filter(path => path.startsWith('docs/'))
        .toSorted(),
    )
  })

  test('docs/parts.md names each import, with names that it exports', async () => {
    const rows = [...read('docs/parts.md').matchAll(/^\| `(emaki(?:\/\w+)?)` +\| (.*?) \|/gm)]
    expect(rows.map(([, name]) => name!.replace('emaki', '.')).toSorted()).toEqual(Object.keys(exports).toSorted())
    for (const [, name, names] of rows) {
      const exported = Object.keys((await import(name!)) as object)
      const said = [...names!.matchAll(/`([a-z]\w*)`/g)].map(([, word]) => word!)
      expect(exported).toEqual(expect.arrayContaining(said))
    }
  })

  test('docs/contributing/races.md names a scenario that exists for each race', () => {
    const paths = [...read('docs/contributing/races.md').matchAll(/`((?:[\w-]+\/){1,4}[\w.-]+)`/g)].map(([, path]) => path!)
    const scenarios = paths.map(path => (path.startsWith('routes/') ? path : `src/${path}`))
    expect(paths.length).toBeGreaterThan(20)
    expect(scenarios.filter(path => !isThere(path))).toEqual([])
  })
})

describe('a sample or a command that is run elsewhere', () => {
  const files = [...new Bun.Glob('{src,routes,examples}/**/*.ts').scanSync(ROOT)]
  const found = (name: string) => (name.includes('/') ? [name] : files.filter(path => basename(path) === name))

  test('a sample or a command that is run elsewhere has a test that contains its text', () => {
    const rows = Object.entries({ ...SAMPLES, ...ELSEWHERE })
    expect(rows.filter(([, [name, says]]) => !found(name).some(path => read(path).includes(says)))).toEqual([])
  })

  test('a sample or a command that is run elsewhere is still shown by a page', () => {
    const commands = [...Object.keys(ELSEWHERE), ...Object.keys(VERBS)]
    const samples = pages.flatMap(page => blocksOf(page).filter(({ language }) => language === 'ts'))
    const shown = pages.flatMap(commandsOf)
    expect(commands.filter(command => !shown.includes(command))).toEqual([])
    expect(Object.keys(SAMPLES).filter(path => !samples.some(({ code }) => read(path).includes(code)))).toEqual([])
  })
})

describe('tests that users copy', () => {
  test('tests that users copy import only what the package exports, and each other', () => {
    const own = ['examples/*.test.ts', 'examples/secured/*.test.ts'].flatMap(glob => [...new Bun.Glob(glob).scanSync(ROOT)])
    const copied = own.filter(path => !OF_THE_DOCS.test(basename(path)))
    const imported = copied.map(path => [path, [...read(path).matchAll(/from '([^']+)'/g)].map(([, from]) => from!)] as const)
    const foreign = imported.filter(([, from]) => from.some(one => /^\.\.\/(\.\.\/)?(src|routes)\//.test(one)))
    expect(foreign.map(([path]) => path)).toEqual([])
    expect(copied.length).toBeGreaterThan(10)
  })
})

describe('what no test runs', () => {
  test('a curl outside of a sample is found as run by no test', () => {
    expect(unrunCommands(planted('Try `curl localhost:3000/health`.\n'))).toEqual(['curl localhost:3000/health'])
  })

  test('a sample of no file is found as run by no test', () => {
    expect(unrunSamples(planted("```ts\nawait runtime({ serve: ['nothing'] })\n```\n"))).toHaveLength(1)
    expect(unrunSamples(planted('```js\nalert(1)\n```\n'))).toHaveLength(1)
  })

  for (const command of [
    'bun run torture --rounds 9',
    '… forget orders',
    '… streams payments',
    'bunx emaki',
    'bun run bench --cells W99',
  ])
    test(`a command of no test is found as run by no test: ${command}`, () => {
      expect(unrunCommands(planted(`Run \`${command}\`.\n`))).toEqual([command])
      expect(unrunCommands(planted(`\`\`\`sh\n${command}    # as it is\n\`\`\`\n`))).toEqual([command])
    })
})

/** Headings as GitHub names them in links. */
function headingsOf({ text }: Page): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
}
