// The pages that a user reads, with their samples, their commands and the places that they name.
import { dirname, join } from 'node:path'

export const ROOT = join(import.meta.dir, '../..')

export type Page = { readonly path: string; readonly text: string }
/** What stands between two fences. */
export type Block = { readonly language: string; readonly code: string }

/** The README, then the pages of docs/ in the order in which docs/README.md lists them, then those for contributors. */
export async function readPages(): Promise<readonly Page[]> {
  const list = await readPage('docs/README.md')
  const listed = linksOf(list).filter(path => path.startsWith('docs/'))
  return Promise.all(['README.md', ...new Set(listed), 'docs/README.md', 'CONTRIBUTING.md', 'bench/README.md'].map(readPage))
}

async function readPage(path: string): Promise<Page> {
  return { path, text: await Bun.file(join(ROOT, path)).text() }
}

const FENCED = /^```(\w*)\n(.*?)^```$/gms

export function blocksOf({ text }: Page): readonly Block[] {
  return [...text.matchAll(FENCED)].map(([, language, code]) => ({ language: language!, code: code! }))
}

/** Prose and tables: all that stands outside of fences. */
export function proseOf({ text }: Page): string {
  return text.replaceAll(FENCED, '')
}

/** The files that a page links to, from the repository's root. */
export function linksOf(page: Page): readonly string[] {
  return [...proseOf(page).matchAll(/\]\(([\w./-]+)(?:#[\w-]+)?\)/g)].map(([, link]) => join(dirname(page.path), link!))
}

/** The places in our own code that a page names: in inline code, and in the diagrams of paths. */
export function placesOf(page: Page): readonly string[] {
  const inline = [...proseOf(page).matchAll(/`((?:src|routes|examples|bench|migrations|deploy)\/[\w./-]+)`/g)]
  const diagrams = blocksOf(page).filter(({ language }) => language === 'text')
  const drawn = diagrams.flatMap(({ code }) => [...code.matchAll(/\b((?:src|routes)\/[\w/-]+)/g)])
  return [...inline, ...drawn].map(([, path]) => path!)
}

/** The commands that a page gives: each line of a shell sample, and each in inline code. `RACES=long` and the like are part of one. */
export function commandsOf(page: Page): readonly string[] {
  const shown = blocksOf(page).filter(({ language }) => language === 'sh')
  const lines = shown.flatMap(({ code }) => code.replaceAll(/ \\\n +/g, ' ').split('\n'))
  const inline = [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!)
  return [
    ...lines.filter(line => line !== '' && !line.startsWith('#')).map(withoutComment),
    ...inline.filter(code => /^(?:[A-Z_]+=\S+ )*(?:(?:…|bun|bunx|npx|npm|emaki|curl|node|docker|kubectl) |\.ci\/run)/.test(code)),
  ]
}

const withoutComment = (line: string) => line.replace(/ +# .*$/, '')

/** The curls of a page, with what its samples show below each: the status, the body or neither. */
export function curlsOf(page: Page): readonly { readonly line: string; readonly status?: number; readonly body?: string }[] {
  const shown = blocksOf(page).filter(({ language }) => language === 'sh')
  const text = shown.map(({ code }) => code.replaceAll(/ \\\n +/g, ' ')).join('')
  return [...text.matchAll(/^curl (.+)\n(?:# (?:(\d{3}) )?(\{.+))?/gm)].map(([, line, status, body]) => ({
    line: withoutComment(line!),
    ...(status && { status: Number(status) }),
    ...(body && { body }),
  }))
}
