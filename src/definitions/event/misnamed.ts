// What the compiler says of a name that is not there, and of a field that would be lost. It is a sentence where code is
// wrong, and costs little where code is right.

/** A sentence that refuses a name, with the right one that is nearest to it. */
export type Misnamed<What extends string, Name, Right> = Name extends string
  ? `there is no ${What} ${Name}${Hint<Nearest<Name, Right>>}`
  : never
type Hint<Near> = [Near] extends [never] ? '' : Near extends string ? `; did you mean ${Near}?` : never

/** The names that are one letter away: one more, one less, another one, or two that changed places. */
type Nearest<Name extends string, Right> = Right extends string
  ? [Shortened<Lowercase<Name>> & Shortened<Lowercase<Right>>] extends [never]
    ? never
    : Right
  : never
/** A text, and the text without one of its letters. */
type Shortened<
  Rest extends string,
  Head extends string = '',
  All extends string = Rest,
> = Rest extends `${infer Letter}${infer Tail}` ? `${Head}${Tail}` | Shortened<Tail, `${Head}${Letter}`, All> : All

/** Refuses fields that `Given` has and `State` has not, at any depth. TypeScript refuses them only in a plain literal. */
export type NoExcess<Given, State> = [Excess<Given, State>] extends [never] ? unknown : Excess<Given, State>
type Excess<Given, State, Depth extends 0[] = []> = Given extends object
  ? IsSame<Given, State> extends true
    ? never
    : [FieldOf<State>] extends [never]
      ? never
      : ExcessWithin<Given, State, [...Depth, 0]>
  : never
type ExcessWithin<Given, State, Depth extends 0[]> = Depth['length'] extends 6
  ? never
  : Given extends readonly (infer Item)[]
    ? Excess<Item, State extends readonly (infer Each)[] ? Each : never, Depth>
    : Given extends Collection
      ? never
      :
          | Misnamed<'field', Exclude<keyof Given, FieldOf<State>>, FieldOf<State>>
          | { [K in keyof Given]-?: Excess<Given[K], ValueOf<State, K>, Depth> }[keyof Given]
/** A Map or a Set: it is no loss that one may be changed and the other not. */
type Collection = { readonly [Symbol.iterator]: unknown }
type FieldOf<State> = State extends unknown ? keyof State : never
type ValueOf<State, K> = State extends unknown ? (K extends keyof State ? State[K] : never) : never
type IsSame<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
