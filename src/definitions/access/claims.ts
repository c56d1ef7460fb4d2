// In a file of its own: TypeScript lets a declaration of `emaki` add to a whole file that it exports, and not to a name.

/**
 * What an app knows of a caller besides its id, such as roles. Name the fields that yours have:
 *
 * @example
 * declare module 'emaki' {
 *   interface Claims { readonly roles?: readonly string[] }
 * }
 */
export interface Claims {
  readonly [name: string]: unknown
}
