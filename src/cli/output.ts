/** Where lines go. `write` resolves when there is room for more; false: nobody reads any more. */
export type Sink = {
  readonly write: (text: string) => Promise<boolean>
  readonly end: () => Promise<void>
  readonly abandon: () => Promise<void>
}

/** Stdout, for as long as somebody reads. */
export function standardOutput(): Sink {
  // Said to the callback too; unheard, the event would end the process.
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
