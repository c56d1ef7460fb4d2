import { encode, PayloadError } from './payload.ts'

/** A value that JSON gives back unchanged. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined }

/** Metadata of one's own, which all events of a command carry: a tenant, a channel, the address of a caller. */
export type CustomMeta = { readonly [name: string]: JsonValue | undefined }

/** The longest custom metadata, in UTF-16 units of its JSON text. Each event of the command has a copy. */
export const CUSTOM_META_LENGTH_MAX = 4_096

/** A NUL in JSON text, which a database cannot hold in its own JSON. A backslash before it would make it another text. */
const NUL = /(?<!\\)(?:\\\\)*\\u0000/

type Issue = { readonly path: string; readonly message: string }

/** Says where and why a value cannot be custom metadata; null if it can. */
export function customMetaProblem(meta: unknown): Issue | null {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return { path: '/meta', message: 'a meta is an object' }
  try {
    const text = encode(meta)
    if (NUL.test(text)) return { path: '/meta', message: 'a meta holds no NUL' }
    const most = CUSTOM_META_LENGTH_MAX
    return text.length > most
      ? { path: '/meta', message: `a meta is at most ${most} characters of JSON, found ${text.length}` }
      : null
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error
    return { path: `/meta${error.path}`, message: `a meta is JSON, found ${error.message}` }
  }
}
