// What the arbitraries read of a schema. zod's definition is public to libraries through `_zod.def`, but typed per class.

export type Schema = {
  readonly _zod: {
    readonly def: Def
    readonly optin?: unknown
    readonly values?: ReadonlySet<unknown>
    readonly pattern?: RegExp
  }
  safeParse(value: unknown): { readonly success: boolean }
}

export type Def = SchemaCheck & {
  readonly type: string
  readonly checks?: readonly { readonly _zod: { readonly def: SchemaCheck } }[]
  readonly element?: Schema
  readonly keyType?: Schema
  readonly valueType?: Schema
  readonly innerType?: Schema
  readonly left?: Schema
  readonly right?: Schema
  readonly in?: Schema
  readonly out?: Schema
  readonly rest?: Schema | null
  readonly catchall?: Schema
  readonly options?: readonly Schema[]
  readonly items?: readonly Schema[]
  readonly shape?: Readonly<Record<string, Schema>>
  readonly values?: readonly unknown[]
  readonly entries?: Readonly<Record<string, string | number>>
  readonly getter?: () => Schema
}

export type SchemaCheck = {
  readonly check?: string
  readonly format?: string
  readonly version?: string
  readonly pattern?: RegExp
  readonly prefix?: string
  readonly suffix?: string
  readonly includes?: string
  readonly value?: number | bigint
  readonly inclusive?: boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly length?: number
  readonly size?: number
}

export const checksOf = ({ checks = [] }: Def): readonly SchemaCheck[] => checks.map(({ _zod }) => _zod.def)

/** The smallest and the largest length or size that the checks allow. `maxLength` is absent where they set none. */
export function lengthsOf(checks: readonly SchemaCheck[]): { readonly minLength: number; readonly maxLength?: number } {
  let minLength = 0
  let maxLength = Number.POSITIVE_INFINITY
  for (const { check, minimum = 0, maximum = maxLength, length, size } of checks) {
    const exact = check === 'length_equals' ? length : check === 'size_equals' ? size : undefined
    if (check === 'min_length' || check === 'min_size') minLength = Math.max(minLength, minimum)
    if (check === 'max_length' || check === 'max_size') maxLength = Math.min(maxLength, maximum)
    if (exact !== undefined) [minLength, maxLength] = [exact, exact]
  }
  return { minLength, ...(Number.isFinite(maxLength) && { maxLength }) }
}
