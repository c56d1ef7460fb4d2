// The optional peer. Bun's bundler follows a literal `await import` and, where it stands directly in a `try`, does without it.

export type Ioredis = typeof import('ioredis')

export async function ioredis(): Promise<Ioredis> {
  try {
    return await import('ioredis')
  } catch (cause) {
    throw new Error(`The Redis cache needs a package: bun add ioredis@${VERSION}`, { cause })
  }
}

export const VERSION: string = '6.0.0'
