/** A clock that is put ahead. */
export function movableNow(): { readonly now: () => number; readonly advance: (ms: number) => Promise<void> } {
  let skipped = 0
  return {
    now: () => Date.now() + skipped,
    advance: async ms => {
      skipped += ms
    },
  }
}
