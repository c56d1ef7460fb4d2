// biome-ignore-all lint/suspicious/noTsIgnore: an error is there only where the package is missing.
// fast-check is an optional peer: one import of it, so that there is one copy, which is the user's. Its types are named
// here alone, so that a project without it compiles: they are `any` there.

/** @ts-ignore fast-check may be missing. */
export type FastCheck = typeof import('fast-check')
/** @ts-ignore fast-check may be missing. */
export type Arbitrary<T> = import('fast-check').Arbitrary<T>

const loaded: FastCheck | null = await import('fast-check').catch((error: unknown) => {
  if ((error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND') return null
  throw error
})

/** fast-check. What is public calls `requireFastCheck` before anything here uses it, so that it is there. */
export const fc: FastCheck = loaded as FastCheck

/** Throws an Error that says what to install, where fast-check is missing. */
export function requireFastCheck(name: string, found: FastCheck | null = loaded): void {
  if (found === null) throw new Error(`${name} needs fast-check, which is not installed: bun add -d fast-check`)
}
