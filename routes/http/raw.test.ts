// What only a socket can say: what Bun's parser refuses itself, and clients that stop in the middle. Good clients are served all the while.
import { afterAll, describe, expect, test } from 'bun:test'
import { spec } from '../../src/definitions/event/events.ts'
import { client } from '../../src/test-support/http.ts'
import { until } from '../../src/test-support/servers/until.ts'

const bank = client()
const server = Bun.serve({ fetch: bank.app.fetch, port: 0, hostname: '127.0.0.1', development: false })
afterAll(() => server.stop(true))

type Peer = {
  readonly received: () => string
  readonly isClosed: () => boolean
  readonly write: (text: string) => void
  readonly end: () => void
  readonly reset: () => void
}

/** A client that says bytes, written as Latin-1. */
async function connect(): Promise<Peer> {
  let received = ''
  let isClosed = false
  const onData = (_: unknown, data: Buffer) => {
    received += data.toString('latin1')
  }
  const onClose = () => {
    isClosed = true
  }
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port!,
    socket: { data: onData, close: onClose, error: onClose, end: onClose },
  })
  return {
    received: () => received,
    isClosed: () => isClosed,
    write: text => void socket.write(Buffer.from(text, 'latin1')),
    end: () => void socket.shutdown(),
    reset: () => void socket.terminate(),
  }
}

const URL_ = `http://127.0.0.1:${server.port}`
const depositOnce = async (): Promise<void> => {
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"cents":1}' }
  const response = await fetch(`${URL_}/account/good/deposit`, init)
  expect(response.status).toBeOneOf([200, 201])
}
/** Runs what a hostile client does, while good ones are served, and expects that only theirs is in the log. */
async function expectHarmless(act: () => Promise<void>, appended = 0): Promise<void> {
  await depositOnce()
  const head = await bank.store.head()
  await Promise.all([act(), depositOnce(), depositOnce()])
  await depositOnce()
  expect(await bank.store.head()).toBe(head + 3 + appended)
  expect(bank.reported).toEqual([])
}

const body = '{"cents":1}'
const head = (...headers: string[]) => ['POST /account/bad/deposit HTTP/1.1', 'Host: x', ...headers, '', ''].join('\r\n')
const get = (...headers: string[]) => ['GET /health HTTP/1.1', ...headers, '', ''].join('\r\n')
const JSON_TYPE = 'Content-Type: application/json'
const CHUNKED = 'Transfer-Encoding: chunked'
const whole = `${head(JSON_TYPE, `Content-Length: ${body.length}`)}${body}`

test('a command written to the socket by hand is accepted', async () => {
  await expectHarmless(async () => {
    const peer = await connect()
    peer.write(whole)
    await until('it is answered', () => peer.received().includes('\r\n\r\n{'))
    expect(peer.received()).toStartWith('HTTP/1.1 201 Created\r\n')
    peer.reset()
  }, 1)
})

test('a command in chunks is accepted', async () => {
  await expectHarmless(async () => {
    const peer = await connect()
    peer.write(`${head(JSON_TYPE, CHUNKED)}6\r\n{"cent\r\n`)
    peer.write(`5;x=y\r\ns":1}\r\n0\r\n\r\n`)
    await until('it is answered', () => peer.received().includes('\r\n\r\n{'))
    expect(peer.received()).toStartWith('HTTP/1.1 200 OK\r\n')
    peer.reset()
  }, 1)
})

describe('a request that the parser of Bun refuses', () => {
  test.each([
    ['no request', 'garbage\r\n\r\n'],
    ['NUL', '\0\0\0\0\r\n\r\n'],
    ['TLS', `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'\0'.repeat(300)}`],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/0.9', 'GET /health\r\n'],
    ['another version', 'GET /health HTTP/9.9\r\nHost: x\r\n\r\n'],
    ['line feeds alone', 'GET /health HTTP/1.1\nHost: x\n\n'],
    ['a line feed alone in a header', 'GET /health HTTP/1.1\r\nHost: x\nA: b\r\n\r\n'],
    ['a space in the path', 'GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['NUL in the path', 'GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a path without /', 'GET health HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a method that nobody knows', 'BREW /health HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['no Host', get()],
    ['a header without a colon', get('Host: x', 'NoColon')],
    ['a space before the colon', get('Host: x', 'Content-Length : 0')],
    ['a header without a name', get('Host: x', ': b')],
    ['a folded header', get('Host: x', 'A: b', ' c')],
    ['NUL in a header', get('Host: x', 'A: b\0c')],
    ['a carriage return in a header', get('Host: x', 'A: b\rc')],
    ['a header of 100 kB', get('Host: x', `A: ${'x'.repeat(100_000)}`)],
    ['10 000 headers', get('Host: x', ...Array.from({ length: 10_000 }, (_, i) => `h${i}: x`))],
    ['a path of 100 kB', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    ['Content-Length and chunks', `${head(JSON_TYPE, 'Content-Length: 6', CHUNKED)}0\r\n\r\nG${whole}`],
    ['chunks and Content-Length', `${head(JSON_TYPE, CHUNKED, 'Content-Length: 4')}b\r\n${body}\r\n0\r\n\r\n`],
    ['two lengths', `${head(JSON_TYPE, 'Content-Length: 11', 'Content-Length: 12')}${body}`],
    ['a list of lengths', `${head(JSON_TYPE, 'Content-Length: 11, 11')}${body}`],
    ['a length below 0', `${head(JSON_TYPE, 'Content-Length: -1')}${body}`],
    ['a length with a sign', `${head(JSON_TYPE, 'Content-Length: +11')}${body}`],
    ['a length in hexadecimal', `${head(JSON_TYPE, 'Content-Length: 0xb')}${body}`],
    ['a length beyond all numbers', `${head(JSON_TYPE, 'Content-Length: 99999999999999999999')}${body}`],
    ['another transfer encoding', `${head(JSON_TYPE, 'Transfer-Encoding: xchunked')}${body}`],
    ['compressed chunks', `${head(JSON_TYPE, 'Transfer-Encoding: gzip, chunked')}b\r\n${body}\r\n0\r\n\r\n`],
    ['two transfer encodings', `${head(JSON_TYPE, CHUNKED, 'Transfer-Encoding: identity')}b\r\n${body}\r\n0\r\n\r\n`],
    ['a chunk without a size', `${head(JSON_TYPE, CHUNKED)}zz\r\n${body}\r\n0\r\n\r\n`],
    ['a chunk of negative size', `${head(JSON_TYPE, CHUNKED)}-1\r\n${body}\r\n0\r\n\r\n`],
    ['a chunk of endless size', `${head(JSON_TYPE, CHUNKED)}ffffffffffffffff\r\n${body}\r\n0\r\n\r\n`],
    ['a chunk longer than its size', `${head(JSON_TYPE, CHUNKED)}5\r\n${body}\r\n0\r\n\r\n`],
    ['a chunk extension of 100 kB', `${head(JSON_TYPE, CHUNKED)}b;${'x'.repeat(100_000)}\r\n${body}\r\n0\r\n\r\n`],
  ])('a request that Bun refuses (%s) gets no body, its connection is closed, and no other is disturbed', async (_, text) => {
    await expectHarmless(async () => {
      const peer = await connect()
      peer.write(text)
      await until('it is closed', peer.isClosed)
      // A method that is none is not even answered.
      expect(peer.received()).toMatch(/^(HTTP\/1\.1 (400|413|431|505) [^\r]*\r\n([^\r]+\r\n)*\r\n)?$/)
    })
  })
})

describe('a request that Bun accepts and we refuse', () => {
  test.each([
    ['no Host in HTTP/1.0', 'GET /abc/health HTTP/1.0\r\n\r\n'],
    ['an empty Host', 'GET /abc/health HTTP/1.1\r\nHost:\r\n\r\n'],
    ['two Hosts', 'GET /abc/health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'],
    ['a Host with a path', 'GET /abc/health HTTP/1.1\r\nHost: x/health?\r\n\r\n'],
    ['a Host that is no text', 'GET /abc/health HTTP/1.1\r\nHost: \xff\r\n\r\n'],
  ])('a request with %s answers 400, and its path is not read from its middle', async (_, text) => {
    await expectHarmless(async () => {
      const peer = await connect()
      peer.write(text)
      await until('it is answered', () => peer.received().includes('}'))
      expect(peer.received()).toStartWith('HTTP/1.1 400 Bad Request\r\n')
      expect(peer.received()).toContain('"type":"/problems/bad-header"')
      peer.reset()
    })
  })

  test('a body whose Content-Length is above the limit answers 413 before it is sent', async () => {
    await expectHarmless(async () => {
      const peer = await connect()
      peer.write(`${head(JSON_TYPE, 'Content-Length: 2000000')}${body}`)
      await until('it is answered', () => peer.received().includes('}'))
      expect(peer.received()).toStartWith('HTTP/1.1 413 Payload Too Large\r\n')
      peer.reset()
    })
  })

  test('a body in chunks answers 413 once it is above the limit', async () => {
    await expectHarmless(async () => {
      const peer = await connect()
      const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
      peer.write(head(JSON_TYPE, CHUNKED))
      for (let i = 0; i < 40 && !peer.received(); i++) {
        peer.write(chunk)
        await Bun.sleep(0)
      }
      await until('it is answered', () => peer.received().includes('}'))
      expect(peer.received()).toStartWith('HTTP/1.1 413 Payload Too Large\r\n')
      peer.reset()
    })
  })
})

describe('a client that disconnects in the middle of its request', () => {
  test.each([
    ['of nothing', ''],
    ['of its path', 'POST /account/bad/dep'],
    ['of its headers', 'POST /account/bad/deposit HTTP/1.1\r\nHost: x\r\nContent-Le'],
    ['of its body', `${head(JSON_TYPE, 'Content-Length: 100')}${body}`],
    ['of its chunks', `${head(JSON_TYPE, CHUNKED)}b\r\n${body}\r\n`],
    ['of a chunk', `${head(JSON_TYPE, CHUNKED)}ff\r\n${body}`],
  ])('a client that disconnects in the middle %s disturbs no other, and is not reported', async (_, text) => {
    await expectHarmless(async () => {
      const [ended, reset] = await Promise.all([connect(), connect()])
      for (const peer of [ended, reset]) peer.write(text)
      await depositOnce()
      ended.end()
      reset.reset()
      await until('both are closed', () => ended.isClosed() && reset.isClosed())
      expect(ended.received()).toBe('')
    }, 1)
  })

  test('two hundred clients that send one byte at a time disturb no other', async () => {
    await expectHarmless(async () => {
      const peers = await Promise.all(Array.from({ length: 200 }, connect))
      for (const character of head(JSON_TYPE, 'Content-Length: 1000').slice(0, 60)) {
        for (const peer of peers) peer.write(character)
        await Bun.sleep(0)
      }
      for (const peer of peers) peer.reset()
    })
  })

  test('a client that disconnects while its command waits has the command not appended', async () => {
    const { waiting } = await bank.app[spec].start()
    const gate = bank.store.hold('append')
    const first = depositOnce()
    await gate.reached
    const before = await bank.store.head()
    const peer = await connect()
    peer.write(whole)
    await until('it waits', () => waiting() === 2)
    peer.reset()
    await until('it waits no more', () => waiting() === 1)
    gate.open()
    await first
    expect(await bank.store.head()).toBe(before + 1)
  })
})

test('the server has no open connection and no reported error after all cases', async () => {
  await until('they are gone', () => server.pendingRequests === 0)
  expect(bank.reported).toEqual([])
})
