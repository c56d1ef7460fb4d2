// Asks the payment provider, and tells the payment what it said.
import { processor } from 'emaki'
import { Payment, payment } from './payment.ts'
import { startSandbox } from './sandbox.ts'

const TIMEOUT_MS = 5_000

/** Where the provider is; without PAYMENT_URL one of our own, in this process. */
const provider = (() => {
  let url: string | undefined
  return () => (url ??= process.env['PAYMENT_URL'] ?? startSandbox().url)
})()

/** An event is handled again where the provider does not answer; by the key it knows what it has done already. */
export const cashier = processor('cashier', {
  from: Payment,
  types: ['Requested', 'Refunded'],
  parallelism: 256,
  handle: async ([event], { keyOf, send, signal }) => {
    if (!event) return
    const { type, instance: order, data } = event
    const path = type === 'Requested' ? 'charges' : 'refunds'
    const answer = await fetch(`${provider()}/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': keyOf(event) },
      body: JSON.stringify({ order, cents: data.cents, ...notified(order) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    if (!answer.ok) throw new Error(`the payment provider answered ${answer.status}`)
    const { status, reason } = (await answer.json()) as { readonly status: string; readonly reason?: string }
    if (status === 'charged') await send(event, payment.charge(order, { cents: data.cents }))
    if (status === 'declined') await send(event, payment.decline(order, { reason: reason ?? 'none given' }))
  },
})

/** Where the provider may tell what it did, where it can reach us. */
function notified(order: string): { readonly notify?: string } {
  const url = process.env['PUBLIC_URL']
  return url === undefined ? {} : { notify: `${url}/payment/${encodeURIComponent(order)}` }
}
