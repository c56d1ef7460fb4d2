import { spyOn } from 'bun:test'

/** The clock of `performance.now`, by which deadlines are kept, which can be moved on; it is the machine's again when it is disposed of. */
export function movableClock(): { readonly advance: (ms: number) => void } & Disposable {
  const real = performance.now.bind(performance)
  let ahead = 0
  const now = spyOn(performance, 'now').mockImplementation(() => real() + ahead)
  const advance = (ms: number) => {
    ahead += ms
  }
  return { advance, [Symbol.dispose]: () => now.mockRestore() }
}
