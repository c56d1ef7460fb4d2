// A specification: one example of what definitions do. It is a value that a test runs, so one that no test runs is an
// error.
const runner = await import('bun:test').catch(() => null)

/** What an example showed: lines about what was given, done and found, and where that is not as expected. */
export type SpecReport = { readonly shown: readonly string[]; readonly wrong: readonly string[] }

/** A specification did not hold. Its message shows what was given, what was done, what came of it, and what differs. */
export class SpecFailed extends Error {
  override readonly name = 'SpecFailed'
}

/** An example. `run` throws SpecFailed if it does not hold. `R`: a promise, if it asks a query. */
export class Spec<R extends void | Promise<void> = void> {
  /** What it says, as one line. */
  readonly title: string
  readonly #run: () => R
  #isRun = false

  constructor(title: string, run: () => R) {
    this.title = title
    this.#run = run
    requireRun(() => this.#isRun, title)
  }

  run(): R {
    this.#isRun = true
    return this.#run()
  }
}

/** Throws if a specification does not hold. */
export function checkReport(title: string, { shown, wrong }: SpecReport): void {
  if (wrong.length === 0) return
  const lines = [...shown, ...wrong.map(line => `differs ${line}`)]
  throw new SpecFailed(`${title}\n${lines.map(line => `  ${line}`).join('\n')}`)
}

/**
 * Registers a test of bun:test for each specification. Give them titles by their names, or take those that they have.
 *
 * @example
 * verify({ 'an order that is not paid is not shipped': given(Order.Placed(basket)).when(order.ship('o1', shipment)).then(rejected('not-paid')) })
 */
export function verify(...specs: readonly (AnySpec | Readonly<Record<string, AnySpec>>)[]): void {
  if (!runner) throw new TypeError('verify registers tests of bun:test: run this file by bun test')
  for (const one of specs)
    for (const [title, spec] of isSpec(one) ? [[one.title, one] as const] : Object.entries(one))
      runner.test(title, async () => spec.run())
}
export type AnySpec = Pick<Spec<void | Promise<void>>, 'title' | 'run'>

const isSpec = (value: AnySpec | Readonly<Record<string, AnySpec>>): value is AnySpec => typeof value.run === 'function'

/**
 * Has what was begun and not run by the end of its test, or of its file, fail there. A test that only makes an example
 * would pass without it: bun does not wait for what it returns.
 */
export function requireRun(
  isRun: () => boolean,
  what: string,
  advice = 'it was made and never run; give it to verify, or call run()',
): void {
  const check = () => {
    if (!isRun()) throw new SpecFailed(`${what}: ${advice}`)
  }
  // Inside a test the first one takes it, and at the top of a file the second. Outside of bun test there is neither.
  for (const hook of [runner?.onTestFinished, runner?.afterAll])
    try {
      hook?.(check)
      return
    } catch {}
}
