// How the contract of a port is tested: each of its cases on one that is made for it, and closed after it.
import { describe, test } from 'bun:test'

/** One promise, and how to see that it is kept: `run` throws where it is not. */
export type ContractCase<M> = { readonly title: string; readonly run: (made: M) => Promise<void> }

/** A port for one case. After the case it is closed, and its data is deleted. */
type Closed = { readonly close: () => Promise<void> }

/** Tests every case, under one title. */
export function contract<M extends Closed>(title: string, cases: readonly ContractCase<M>[], make: () => Promise<M>): void {
  describe(title, () => {
    for (const { title, run } of cases) test(title, () => within(make, run))
  })
}

/** Makes one, and closes it however the run ends. */
export async function within<M extends Closed>(make: () => Promise<M>, run: (made: M) => Promise<void>): Promise<void> {
  const made = await make()
  try {
    await run(made)
  } finally {
    await made.close()
  }
}
