export { standardWebhooks, type Verify } from './signature.ts'
export { type WebhooksOptions, webhooks } from './webhooks.ts'
