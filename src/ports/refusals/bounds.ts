/** How long refusals are kept, in ms: a week. Older ones are not shown either. */
export const REFUSALS_KEEP_MS: number = 7 * 24 * 60 * 60 * 1_000
/** How many are kept of one command and code, and of all. So a flood of one kind pushes out no other. */
export const REFUSALS_OF_KIND_MAX = 1_000
export const REFUSALS_MAX = 10_000
