/**
 * The result of one check of a store: it is fine, the operator should know about it, or the operator has to fix it.
 * `fix` tells how.
 */
export type Diagnosis = {
  readonly name: string
  readonly status: 'ok' | 'warning' | 'problem'
  readonly found: string
  readonly fix?: string
}
