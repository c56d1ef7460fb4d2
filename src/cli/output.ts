/** The target of lines. `write` resolves when there is room for more. False: the reader has left. */
export type Sink = {
  readonly write: (text: string) => Promise<boolean>
  readonly end: () => Promise<void>
  readonly abandon: () => Promise<void>
}

/** Stdout, until its reader leaves. */
export function standardOutput(): Sink {
  // `write` reports the error too. An error event without a listener would end the process.
  process.stdout.off('error', unheard).on('error', unheard)
  const write = (text: string) =>
    new Promise<boolean>((resolve, reject) => {
      process.stdout.write(text, error => {
        if (!error) resolve(true)
        else if ((error as NodeJS.ErrnoException).code === 'EPIPE') resolve(false)
        else reject(error)
      })
    })
  return { write, end: async () => {}, abandon: async () => {} }
}

function unheard(): void {}
