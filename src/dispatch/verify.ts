/**
 * Checks that a request is authentic. Gives the reason for a refusal, or null. `header` gives a header by its name in
 * small letters.
 */
export type Verify = (header: (name: string) => string | undefined, body: string) => string | null
