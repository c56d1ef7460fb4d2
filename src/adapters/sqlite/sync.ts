/** A synchronous version of a port: everything between BEGIN and COMMIT is synchronous. */
export type Sync<Port> = {
  readonly [Name in keyof Port]: Port[Name] extends (...options: infer Options) => infer Result
    ? (...options: Options) => Awaited<Result>
    : never
}
