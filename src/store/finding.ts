/** What a look at a database found: all is well, something to know, or something that has to be mended, and how. */
export type Finding = {
  readonly name: string
  readonly status: 'ok' | 'warning' | 'problem'
  readonly found: string
  readonly mend?: string
}
