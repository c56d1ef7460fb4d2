import type { NewRefusal, RefusalFilter, Refusals } from '../refusals.ts'

export const NOW = 1_700_000_000_123

export const refusal = (actor: string, changed: Partial<NewRefusal> = {}): NewRefusal => ({
  ...{ at: NOW, by: 'decide', command: 'order.place', stream: 'order-o1', actor, code: 'sold-out', text: null },
  ...{ correlation: 'c1', traceId: null, more: 0 },
  ...changed,
})

/** The actors of what is listed. */
export async function actorsOf(refusals: Refusals, filter: Partial<RefusalFilter> = {}): Promise<readonly (string | null)[]> {
  return (await refusals.list({ since: 0, limit: 100, ...filter })).map(({ actor }) => actor)
}
