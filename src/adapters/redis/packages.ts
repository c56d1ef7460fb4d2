// The optional peer. Bun's bundler follows a literal `await import`. If the import is directly in a `try`, the bundler
// accepts that the package is missing.

export type Ioredis = typeof import('ioredis')

export async function ioredis(): Promise<Ioredis> {
  try {
    return await import('ioredis')
  } catch (cause) {
    throw new Error(`The Redis cache needs a package: bun add ioredis@${VERSION}`, { cause })
  }
}

export const VERSION: string = '6.0.0'
