// How the contract of a port is tested: each of its cases on one that is made for it, and closed after it.
import { describe, test } from 'bun:test'

/**
 * One promise, and how to see that it is kept: `run` throws where it is not. `share` is the part of its random runs, or of its many
 * combinations, that a case makes; 1 is all.
 */
export type ContractCase<M> = { readonly title: string; readonly run: (subject: M, share?: number) => Promise<void> }

export type ContractOptions = { readonly share?: number }

/** A port for one case. After the case it is closed, and its data is deleted. */
type Closed = { readonly close: () => Promise<void> }

/** Tests every case. A failing title alone says which subject breaks which promise. */
export function contract<M extends Closed>(
  subject: string,
  cases: readonly ContractCase<M>[],
  make: () => Promise<M>,
  { share = 1 }: ContractOptions = {},
): void {
  describe(`the contract of ${subject}`, () => {
    for (const { title, run } of cases) test(`${subject} ${title}`, () => runWithin(make, tested => run(tested, share)))
  })
}

/** Makes one, and closes it however the run ends. */
export async function runWithin<M extends Closed>(make: () => Promise<M>, run: (subject: M) => Promise<void>): Promise<void> {
  const subject = await make()
  try {
    await run(subject)
  } finally {
    await subject.close()
  }
}
