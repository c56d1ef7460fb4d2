// A payment provider to try things with: a real HTTP service that declines totals ending in 13 cents, and behaves badly when it is told to.
// `bun examples/marketplace/sandbox.ts` serves it alone; else it is started in the marketplace's process unless PAYMENT_URL is set.

/**
 * How it behaves: `slow` answers after two seconds, `down` with 503; `lossy` does what it is asked and loses the first answer; `twice` answers
 * and tells the address in `notify` the same again.
 */
const MODES = ['fine', 'slow', 'down', 'lossy', 'twice'] as const
type Mode = (typeof MODES)[number]
type Asked = { readonly order: string; readonly cents: number; readonly notify?: string }
type Entry = { readonly kind: 'charge' | 'refund'; readonly order: string; readonly cents: number; readonly status: string }

const SLOW_MS = 2_000
const REASON = 'the total ends in 13 cents'

export type Sandbox = { readonly url: string; readonly stop: () => Promise<void> }

/** Starts it on loopback; without a port on a free one. */
export function startSandbox(port = 0): Sandbox {
  /** By idempotency key, and in order. */
  const done = new Map<string, Entry>()
  let mode: Mode = 'fine'

  function performed(kind: Entry['kind'], { order, cents }: Asked): Entry {
    const status = kind === 'refund' ? 'refunded' : cents % 100 === 13 ? 'declined' : 'charged'
    return { kind, order, cents, status }
  }

  async function asked(request: Request, kind: Entry['kind']): Promise<Response> {
    const key = request.headers.get('idempotency-key')
    if (key === null) return Response.json({ error: 'an Idempotency-Key is needed' }, { status: 400 })
    if (mode === 'down') return Response.json({ error: 'down' }, { status: 503 })
    if (mode === 'slow') await Bun.sleep(SLOW_MS)
    const body = (await request.json()) as Asked
    const entry = done.get(key) ?? performed(kind, body)
    const isFirst = !done.has(key)
    done.set(key, entry)
    if (mode === 'lossy' && isFirst) return Response.json({ error: 'the answer was lost' }, { status: 502 })
    if (mode === 'twice' && body.notify !== undefined) void notifyShop(body.notify, entry).catch(() => {})
    return Response.json({ status: entry.status, ...(entry.status === 'declined' && { reason: REASON }) })
  }

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port,
    development: false,
    routes: {
      '/charges': { POST: request => asked(request, 'charge') },
      '/refunds': { POST: request => asked(request, 'refund') },
      '/ledger': { GET: () => Response.json([...done.values()]) },
      '/mode': {
        PUT: async request => {
          const wanted = (await request.text()) as Mode
          if (!MODES.includes(wanted)) return Response.json({ error: `modes are ${MODES.join(', ')}` }, { status: 400 })
          mode = wanted
          return Response.json({ mode })
        },
      },
    },
  })
  server.unref()
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
}

/** Tells the marketplace what became of a payment, as if it had not been answered. */
async function notifyShop(notify: string, { status, cents }: Entry): Promise<void> {
  const [command, body] = status === 'charged' ? ['charge', { cents }] : ['decline', { reason: REASON }]
  if (status !== 'refunded')
    await fetch(`${notify}/${command}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
}

if (import.meta.main) {
  const { url } = startSandbox(Number(process.env['PORT'] ?? 0))
  console.log(`the payment provider is at ${url}`)
  // The server alone does not keep the process.
  setInterval(() => {}, 60_000)
}
