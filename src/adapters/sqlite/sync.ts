/** A port whose calls are done when they return, as everything is between BEGIN and COMMIT. */
export type Sync<Port> = {
  readonly [Name in keyof Port]: Port[Name] extends (...options: infer Options) => infer Result
    ? (...options: Options) => Awaited<Result>
    : never
}
