// Takes secrets out of texts and fields before somebody reads them.

const HIDDEN = '***'
/** Shorter values would hide parts of ordinary words. */
const SECRET_LENGTH_MIN = 6
const SECRET_NAME = /passw|secret|token|authorization|cookie|api-?_?key/i
/** What of each match stays, and is shown before what is hidden. */
const SECRETS_IN_TEXT = [
  /(:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/g,
  /(\b(?:Bearer|Basic) )[\w.~+/=-]+/g,
  /(\b(?:password|passwd|pwd|secret|token|access_token|api_?key)["']?[=:] ?["']?)(?!\*)[^\s"'&,;]+/gi,
]

/** Hides passwords in URLs, credentials of headers, and these secrets, wherever they stand in a text. */
export function hideSecrets(text: string, secrets: readonly string[] = []): string {
  const hidden = secrets
    .filter(({ length }) => length >= SECRET_LENGTH_MIN)
    .reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text)
  return SECRETS_IN_TEXT.reduce((shown, pattern) => shown.replaceAll(pattern, `$1${HIDDEN}`), hidden)
}

/** Hides secrets in all texts of a value, and each member whose name is that of a secret. */
export function withoutSecrets<T>(value: T, secrets: readonly string[] = []): T {
  const hide = (one: unknown): unknown => {
    if (typeof one === 'string') return hideSecrets(one, secrets)
    if (Array.isArray(one)) return one.map(hide)
    if (typeof one !== 'object' || one === null) return one
    const members = Object.entries(one).map(([name, member]) => [name, SECRET_NAME.test(name) ? HIDDEN : hide(member)])
    return Object.fromEntries(members)
  }
  // Only texts change, so the type stays.
  return hide(value) as T
}
