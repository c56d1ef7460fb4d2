// Arrays as PostgreSQL reads them in text. Written here, because postgres.js would first ask each server for its types.

/** Numbers as an array: `{1,2}`. */
export function list(numbers: readonly number[]): string {
  return `{${numbers.join(',')}}`
}

/** Texts as an array, each quoted: `{"a","b\"c"}`. */
export function texts(values: readonly string[]): string {
  return `{${values.map(value => `"${SPECIAL.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value}"`).join(',')}}`
}
const SPECIAL = /["\\]/
