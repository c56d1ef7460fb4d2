// Builds what the package publishes, `dist/npm`: JavaScript, its declarations, and the texts that it imports. The script `prepare` runs
// this file, so `bun pm pack`, `npm pack` and installing from Git give the same files. The compiler emits without checking: declarations
// are isolated, so they need no type of an optional peer.
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import manifest from '../../package.json'

const ROOT = join(import.meta.dir, '../..')
const BUILT = join(ROOT, 'dist/npm')
const TEXTS = ['migrations/*/[0-9]*.sql', 'src/**/*.lua']

rmSync(BUILT, { recursive: true, force: true })
compile()
for (const path of TEXTS.flatMap(glob => [...new Bun.Glob(glob).scanSync(ROOT)])) cpSync(join(ROOT, path), join(BUILT, path))
for (const path of new Bun.Glob('**/*.ts').scanSync(BUILT)) renameImports(join(BUILT, path))

/** Runs the compiler of this repository. A package that Bun installs from Git has none, and fetches the same one. */
function compile(): void {
  const installed = join(ROOT, 'node_modules/typescript/bin/tsc')
  const tsc = existsSync(installed) ? [installed] : ['x', '--package', `typescript@${manifest.devDependencies.typescript}`, 'tsc']
  const { exitCode } = Bun.spawnSync([process.execPath, ...tsc, '-p', 'deploy/npm'], {
    cwd: ROOT,
    stdout: 'inherit',
    stderr: 'inherit',
  })
  if (exitCode !== 0) process.exit(exitCode)
}

/** The compiler keeps `.ts` in the imports of declarations. */
function renameImports(file: string): void {
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replaceAll(/\b(from |import\()(['"])(\.[^'"\n]*)\.ts\2/g, '$1$2$3.js$2'))
}
