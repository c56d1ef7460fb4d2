export { type NatsRelayOptions, natsRelay } from './relay.ts'
