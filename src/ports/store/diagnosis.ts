/** A check of a store: it holds, or the operator should know of it, or has to fix it. `fix` says how. */
export type Diagnosis = {
  readonly name: string
  readonly status: 'ok' | 'warning' | 'problem'
  readonly found: string
  readonly fix?: string
}
