/** Why a request is not believed; null: it is. `header` gives a header by its name in small letters. */
export type Verify = (header: (name: string) => string | undefined, body: string) => string | null
