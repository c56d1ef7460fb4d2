export { type KafkaRelayOptions, kafkaRelay } from './relay.ts'
