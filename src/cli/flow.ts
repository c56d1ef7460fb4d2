// flow: what leads to what in the app, drawn from its definitions and its log; with the rates of a running server.
import { sleep } from '../lib/sleep.ts'
import { definitionOf } from '../definitions/definition.ts'
import { buildFlow, drawFlow, type Flow } from '../definitions/flow.ts'
import { askServer, complain, failureText, refusalText } from './ask-server.ts'
import { addRates, type Counts, ratesOf, readCounts, UPTIME } from './flow-rates.ts'
import { sendersOf } from './senders.ts'
import { type Call, Misused, numberOf, type Verb } from './verb.ts'

/** How long rates are measured, in s. */
const SECONDS = 5
const SECONDS_MAX = 60

export const flowVerb: Verb = {
  does: 'draw what leads to what: commands, deciders, events, readers, services and topics, as a Mermaid flowchart',
  options: {
    rates: { does: 'with how often each happens by the second, as the server on PORT measures it' },
    seconds: { takes: 'N', does: `measure rates for N seconds, 1 to ${SECONDS_MAX}; default: ${SECONDS}` },
  },
  json: true,
  run: async call => showFlow(call),
}

/** What a test replaces: the pause between two scrapes, and the clock, in ms. */
export type RateClock = { readonly pause: (ms: number) => Promise<void>; readonly now: () => number }
const MACHINE: RateClock = { pause: ms => sleep(ms, new AbortController().signal), now: () => performance.now() }

export async function showFlow(call: Call, clock: RateClock = MACHINE): Promise<number> {
  const seconds = numberOf(call.values, 'seconds', 1)
  if (seconds !== undefined && !(call.values['rates'] === true && seconds <= SECONDS_MAX))
    throw new Misused(`flow --seconds is for --rates, and at most ${SECONDS_MAX}`)
  const flow = buildFlow(call.serve, await sendersOf(call))
  if (call.values['rates'] !== true) return print(call, flow)
  const rates = await measureRates(call, seconds ?? SECONDS, clock)
  return typeof rates === 'string' ? complain(rates) : print(call, addRates(flow, call.serve.map(definitionOf), rates))
}

function print({ json }: Call, flow: Flow): number {
  console.log(json ? JSON.stringify(flow) : drawFlow(flow))
  return 0
}

/** The rates of the server on PORT, or why there are none. */
async function measureRates(call: Call, seconds: number, { pause, now }: RateClock): Promise<Counts | string> {
  const before = await scrape(call)
  if (typeof before === 'string') return before
  const began = now()
  await pause(seconds * 1_000)
  const after = await scrape(call)
  if (typeof after === 'string') return after
  if (after.get(UPTIME)! < before.get(UPTIME)!) return 'two processes answered, or the server began again: there are no rates'
  return ratesOf(before, after, (now() - began) / 1_000)
}

async function scrape(call: Call): Promise<Counts | string> {
  const answer = await askServer(call, '/metrics').catch(failureText)
  if (typeof answer === 'string') return `${answer}; rates are those of a running server: start it with serve`
  return answer.ok ? readCounts(await answer.text()) : await refusalText(answer)
}
