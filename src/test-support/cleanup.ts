// What a test opens, it hands over to be undone after its file, or earlier: such a file says `afterEach(cleanUp)`.
const undos: (() => unknown)[] = []

/** Remembers how to undo something. */
export function cleanUpLater(undo: () => unknown): void {
  undos.push(undo)
}

/** Undoes all that was remembered, the last first. */
export async function cleanUp(): Promise<void> {
  for (const undo of undos.splice(0).toReversed()) await undo()
}
