/** What cannot be compared, in one sentence: there is no such side or bench, or the bench fails. */
export class CompareError extends Error {
  override readonly name = 'CompareError'
}
