export { standardWebhooks } from './signature.ts'
export type { Verify } from '../../dispatch/verify.ts'
export { type WebhooksOptions, webhooks } from './webhooks.ts'
