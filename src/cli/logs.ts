// logs: what a running server recorded last, and with --follow what it records from then on.
import { backOff } from '../lib/back-off.ts'
import { paintFor } from '../lib/paint.ts'
import { sleep } from '../lib/sleep.ts'
import { printingOf } from '../config.ts'
import { Episode } from '../ports/report/episode.ts'
import { printReports } from '../ports/report/print.ts'
import { type LogRecord, readableRecord } from '../ports/report/record.ts'
import { askServer, complain, failureText, refusalText, TIMEOUT_MS } from './ask-server.ts'
import { byTime, mergeLines } from './merge-lines.ts'
import { type Call, textOf, type Verb } from './verb.ts'

/** The pauses between attempts to reach a server that is away, in ms. */
const RETRY = { firstMs: 250, maxMs: 5_000 }

export const logsVerb: Verb = {
  does: 'show the last records of the server on PORT; it asks with ADMIN_TOKEN, if that is set',
  options: {
    url: { takes: 'URLS', does: 'the nodes, with commas between: http://a:3000,http://b:3000; default: the server on PORT' },
    follow: { does: 'continue with records as they are made, until SIGINT' },
    level: { takes: 'L', does: 'only records of a level and above: debug, info, warn or error' },
    code: { takes: 'C', does: 'only records of a code, or whose code begins so: key-parked, retry' },
    correlation: { takes: 'ID', does: 'only records of a correlation' },
  },
  json: true,
  run: async call => {
    const stop = new AbortController()
    const interrupt = () => stop.abort()
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
    try {
      return await (call.values['follow'] === true ? followNodes(call, printer(call), stop.signal) : showLogs(call))
    } finally {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    }
  },
}

async function showLogs(call: Call): Promise<number> {
  const print = printer(call)
  const found = await Promise.all(
    nodesOf(call).map(async ({ name, ...node }) => {
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      const answer = await ask({ ...call, ...node }, { Accept: 'application/jsonl' }, signal).catch(error =>
        failureText(error, name),
      )
      if (typeof answer === 'string') return { code: complain(answer), lines: [] }
      if (!answer.ok) return { code: complain(`${name ? `${name}: ` : ''}${await refusalText(answer)}`), lines: [] }
      const lines = (await answer.text()).split('\n').filter(Boolean)
      return { code: 0, lines: lines.map(line => nameNode(line, name)) }
    }),
  )
  for (const line of byTime(found.flatMap(({ lines }) => lines))) print(line.json)
  return Math.max(...found.map(({ code }) => code))
}

type FollowCall = Pick<Call, 'config' | 'base' | 'values'> & { readonly url?: string; readonly node?: string }
type Node = { readonly name?: string; readonly url?: string }

/** The nodes of --url. Where there is only one, no record needs its name. */
function nodesOf({ values }: FollowCall): readonly Node[] {
  const urls =
    textOf(values, 'url')
      ?.split(',')
      .map(url => url.trim().replace(/\/+$/, '')) ?? []
  if (urls.length === 0) return [{}]
  return urls.map(url => ({ url, ...(urls.length > 1 && { name: url.replace(/^https?:\/\//, '') }) }))
}

function nameNode(line: string, node: string | undefined): { readonly timestamp: string; readonly json: string } {
  const record = JSON.parse(line) as LogRecord & { readonly timestamp: string }
  return { timestamp: record.timestamp, json: node === undefined ? line : JSON.stringify({ ...record, node }) }
}

/** Follows all nodes until the signal. Each is asked again by itself, so one that is away holds no other up. */
export async function followNodes(call: FollowCall, print: (line: string) => void, signal: AbortSignal): Promise<number> {
  const nodes = nodesOf(call)
  if (nodes.length === 1) return followLogs({ ...call, ...nodes[0] }, print, signal)
  const merged = mergeLines<{ readonly timestamp: string; readonly json: string }>(({ json }) => print(json))
  const follow = ({ name, ...node }: Node) =>
    followLogs({ ...call, ...node, node: name! }, line => merged.add(nameNode(line, name)), signal)
  const codes = await Promise.all(nodes.map(follow))
  merged.flush()
  return Math.max(...codes)
}

/** Follows until the signal. A server that stops, or is not there yet, is asked again. */
export async function followLogs(call: FollowCall, print: (line: string) => void, signal: AbortSignal): Promise<number> {
  const report = printReports(printingOf(call.config))
  const { node } = call
  const what = `The records${node ? ` of ${node}` : ''} cannot be followed`
  const failing = new Episode({ report, what, mend: `Start the server ${node ? 'there' : 'on PORT'}.` })
  for (let last = ''; !signal.aborted; ) {
    const answer = await ask(call, { Accept: 'text/event-stream', 'Last-Event-ID': last }, signal).catch(error =>
      failureText(error, node),
    )
    if (signal.aborted) break
    if (typeof answer === 'string' || answer.status === 503) {
      const reason = typeof answer === 'string' ? answer : await refusalText(answer)
      await sleep(backOff(failing.fail(reason), RETRY), signal)
      continue
    }
    if (!answer.ok || !answer.body) return complain(`${node ? `${node}: ` : ''}${await refusalText(answer)}`)
    failing.succeed()
    for await (const { id, data } of framesOf(answer.body)) {
      last = id || last
      if (data) print(data)
    }
    await sleep(RETRY.firstMs, signal)
  }
  return 0
}

function ask(call: FollowCall, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
  const asked = new URLSearchParams()
  for (const name of ['level', 'code', 'correlation']) {
    const value = textOf(call.values, name)
    if (value !== undefined) asked.set(name, value)
  }
  return askServer(call, `/logs?${asked}`, { headers, signal })
}

function printer({ json }: Call): (line: string) => void {
  const paint = paintFor()
  return line => console.log(json ? line : readableRecord(JSON.parse(line) as LogRecord, paint))
}

type Frame = { readonly id: string; readonly data: string }

/** The server-sent events of a body. One that ends in the middle ends the stream. */
async function* framesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame> {
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const bytes of body) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n\n')
      rest = parts.pop()!
      for (const part of parts) yield frameOf(part)
    }
  } catch {
    // The connection is lost, or we leave: who follows asks again, with the last id.
  }
}

function frameOf(text: string): Frame {
  const fieldOf = (name: string) =>
    text
      .split('\n')
      .find(line => line.startsWith(`${name}: `))
      ?.slice(name.length + 2) ?? ''
  return { id: fieldOf('id'), data: fieldOf('data') }
}
