// Writes arrays in PostgreSQL's text format. With its own arrays, postgres.js would first ask each server for its
// types.

/** Numbers, or booleans, as an array: `{1,NULL}`. */
export function list(values: readonly (number | boolean | null)[]): string {
  return `{${values.map(value => value ?? 'NULL').join(',')}}`
}

/** Texts as an array, each quoted: `{"a","b\"c",NULL}`. */
export function texts(values: readonly (string | null)[]): string {
  return `{${values.map(value => (value === null ? 'NULL' : `"${SPECIAL.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value}"`)).join(',')}}`
}
const SPECIAL = /["\\]/
