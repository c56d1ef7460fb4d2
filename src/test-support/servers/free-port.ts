/**
 * A loopback port that nobody listens on.
 *
 * It lies below the range from which systems take the ports of outgoing connections. In that range a client's own port could
 * be ours by the time a server restarts on it, and a client that reconnects to a dead server could reach itself.
 * Another process may still take the port first, so who starts a server must be ready to try again.
 */
export function freePort(): number {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const port = portMin + Math.floor(Math.random() * (portMax - portMin))
    if (isFree(port)) return port
  }
  throw new Error(`Found no free port between ${portMin} and ${portMax} in ${attemptsMax} attempts.`)
}

const portMin = 15_000
const portMax = 32_000
const attemptsMax = 200

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: '127.0.0.1', port, exclusive: true, socket: { data() {} } }).stop(true)
    return true
  } catch {
    return false
  }
}
