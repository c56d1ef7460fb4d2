// An app on a server of Bun's, and clients of its WebSocket.
import { connect } from 'node:net'
import type { AppOptions } from '../../routes/app.ts'
import { cleanUpLater } from './cleanup.ts'
import { type Client, openClient } from './http.ts'
import { until } from './servers/until.ts'

export type ServedClient = Client & {
  readonly server: Bun.Server<unknown>
  readonly deposit: (times?: number, note?: string) => Promise<unknown>
}

export function serveClient(options: Partial<AppOptions> = {}): ServedClient {
  const opened = openClient(options)
  const { fetch, websocket } = opened.app
  const server = Bun.serve({ fetch, websocket, port: 0, hostname: '127.0.0.1', development: false })
  cleanUpLater(() => server.stop(true))
  const deposit = (times = 1, note = '') => opened.post('/account/a1/deposit', { cents: 1, times, note })
  return { ...opened, server, deposit }
}

type Message = {
  readonly type: string
  readonly id?: string
  readonly event?: { readonly type: string }
  readonly problem?: object
}
export type Socket = {
  readonly said: readonly Message[]
  readonly events: () => readonly number[]
  readonly say: (message: unknown) => void
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  readonly protocol: () => string
  readonly close: () => void
}

export async function open(
  { server }: ServedClient,
  headers: Readonly<Record<string, string>> = {},
  query = '',
): Promise<Socket> {
  const url = `ws://127.0.0.1:${server.port}/events${query}`
  // Bun takes headers, which browsers do not.
  const socket = new WebSocket(url, { protocols: ['cloudevents.json'], headers } as unknown as string[])
  const said: Message[] = []
  socket.onmessage = ({ data }) => void said.push(JSON.parse(data as string) as Message)
  const { promise: closed, resolve } = Promise.withResolvers<{ readonly code: number; readonly reason: string }>()
  socket.onclose = ({ code, reason }) => resolve({ code, reason })
  const opened = new Promise<boolean>(resolve => {
    socket.onopen = () => resolve(true)
    socket.onerror = () => resolve(false)
  })
  cleanUpLater(() => socket.close())
  if (!(await opened)) throw new Error('it was not upgraded')
  return {
    said,
    events: () => said.filter(({ type }) => type === 'event').map(({ id }) => Number(id)),
    say: message => socket.send(typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message)),
    closed,
    protocol: () => socket.protocol,
    close: () => socket.close(),
  }
}

export async function subscribe(
  one: ServedClient,
  subscription: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Socket> {
  const socket = await open(one, headers)
  socket.say({ type: 'subscribe', ...subscription })
  await until('it is told where it begins', () => socket.said.length > 0)
  return socket
}

export const awaitPositions = (socket: Socket, ...positions: number[]): Promise<void> =>
  until(`${positions} are there`, () => socket.events().join() === positions.join())

/** The answer to a request for an upgrade, as it came: the text of its head, and of its body where it is refused. */
export async function askUpgrade(
  { server }: ServedClient,
  headers: Readonly<Record<string, string>> = {},
  path = '/events',
): Promise<string> {
  const upgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...headers,
  }
  const socket = connect(server.port!, '127.0.0.1')
  cleanUpLater(() => socket.destroy())
  const lines = Object.entries({ Host: `127.0.0.1:${server.port}`, ...upgrade }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  return new Promise(resolve => socket.once('data', data => resolve(data.toString())))
}

export const upgradeStatus = async (...asked: Parameters<typeof askUpgrade>): Promise<number> =>
  Number((await askUpgrade(...asked)).slice(9, 12))
