// How a list of things is answered.

import type { Looks } from './shop.ts'

type ThingPage = { readonly items: readonly ({ key: string } & Looks)[]; readonly next: string | null; readonly position: number }

export const listOf = (body: unknown) => body as ThingPage & { readonly count?: number; readonly parked?: true }

export const keysOf = (body: unknown) => listOf(body).items.map(({ key }) => key)
