// The sources of the package, as text, and what they import from each other.
import { readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'

export const ROOT: string = join(import.meta.dir, '../..')

export type Source = { readonly path: string; readonly text: string }

/** Files that are not in the package: tests, and their support. */
const OWN = /(\.test|\.cases|\.races|\.d)\.ts$|^src\/test-support\/|contract(\.ts$|\/)|\/races\//

/** Every source of the package, or every file of TypeScript where `all` is asked for. */
export function readSources({ all = false }: { readonly all?: boolean } = {}): readonly Source[] {
  return [...new Bun.Glob('{src,routes}/**/*.ts').scanSync(ROOT)]
    .filter(path => all || !OWN.test(path))
    .sort()
    .map(path => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

/** The files and modules that a source names, types included. A file is given by its path from the root. */
export function importsOf({ path, text }: Source): readonly string[] {
  const found = text.matchAll(
    /^(?:import|export)\b[^'\n]*(?:\n[^'\n]*)*?from '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm,
  )
  return [...found].map(([, from, dynamic, bare]) => resolve(path, (from ?? dynamic ?? bare)!))
}

function resolve(path: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return relative('.', join(dirname(path), specifier))
    .split(sep)
    .join(posix.sep)
}

/** Finds a circle, and the places that lead to it: removes places without arrows until none is left to remove. */
export function findCircle(arrows: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  let left = arrows
  for (;;) {
    const kept = [...left].filter(([from, to]) => [...to].some(place => place !== from && left.has(place)))
    if (kept.length === left.size) return [...left.keys()].sort()
    left = new Map(kept)
  }
}
