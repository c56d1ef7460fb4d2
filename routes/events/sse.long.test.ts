// Many clients, and the idle time-out of a server, which goes by the real clock.
import { afterEach, describe, expect, test } from 'bun:test'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { connectClient, serveLive, testLostConnections, testManyClients } from './sse.cases.ts'

afterEach(cleanUp)

describe('a client whose filter lets nothing pass', () => {
  test('a stream outlives the idle time-out of the server, which ends other answers', async () => {
    const one = await serveLive(
      hono =>
        void hono.get('/other', c =>
          c.body(new ReadableStream({ start: controller => controller.enqueue(new TextEncoder().encode('begun')) })),
        ),
      1,
    )
    const ours = connectClient(one)
    const other = connectClient(one, '/other')
    await until('the other is ended', other.isClosed)
    expect(ours.isClosed()).toBe(false)
    await one.append()
    await until('it is told', () => ours.events.length === 1)
  })
})

testManyClients(250)
testLostConnections({ clients: 24, events: 1_500 })
