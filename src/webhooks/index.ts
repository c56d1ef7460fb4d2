export { standardWebhooks } from './signature.ts'
export type { Verify } from '../inbox/verify.ts'
export { type WebhooksOptions, webhooks } from './webhooks.ts'
