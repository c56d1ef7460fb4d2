import { cleanUpLater } from '../test-support/cleanup.ts'
import { startNats } from '../test-support/servers/nats.ts'
import { testLinked } from './linked-services.cases.ts'

const startBroker = async () => {
  const server = await startNats()
  cleanUpLater(() => server[Symbol.asyncDispose]())
  return { NATS_URL: server.url }
}

testLinked('NATS', startBroker, 'to-nats')
