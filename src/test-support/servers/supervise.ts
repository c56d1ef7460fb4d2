// A server must not outlive the process that tests with it, however that process ends. So a shell stands between the two:
// it starts the server, then reads a pipe whose other end only we hold. When we end, by `end()`, by a crash or by SIGKILL,
// the pipe closes, and the shell ends the server and deletes its folder. Every end takes this one path.

import { signalIfAlive } from './child-processes.ts'
import type { ServerUser } from './server-user.ts'
import { until } from './until.ts'

export type Supervised = {
  readonly pid: number
  /** Resolves when the server and every process it started are gone. */
  readonly gone: Promise<void>
  /** Ends what still runs. Then the shell deletes the folder, unless a later server is to find it again. */
  end(options?: { keepFolder?: boolean }): Promise<void>
}

export type SuperviseOptions = {
  /** The folder in which it runs. The shell makes it, so that it never exists without a process to delete it. */
  readonly folder: string
  readonly user: ServerUser | undefined
  /** Fills the folder before the command runs. */
  readonly prepare?: () => void
}

/**
 * Runs a command as a server: in its own session, as `user`, with standard error going to `log` in its folder.
 *
 * Signals are ignored from the moment the server runs (and not before, as it would inherit that), because `bun test` sends
 * SIGTERM to every child when any one test times out, and the other tests still need their server.
 */
export async function supervise(command: readonly string[], options: SuperviseOptions): Promise<Supervised> {
  const { folder, user, prepare } = options
  const shell = Bun.spawn(['/bin/sh', '-c', script, 'supervise', folder, ...command], {
    cwd: '/',
    env: { PATH: serverPath(), LC_ALL: 'C' },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'ignore',
    detached: true,
    ...user,
  })
  shell.unref()
  running.add(shell)
  shell.exited.then(() => running.delete(shell))
  try {
    return await start(shell, folder, prepare)
  } catch (error) {
    await shell.stdin.end()
    throw error
  }
}

/** Asks `probe` until it is true. Throws with the server's log when the server has ended, or when the time is up. */
export async function untilReady(server: Supervised, folder: string, probe: () => Promise<boolean>): Promise<void> {
  let ended = false
  server.gone.then(() => {
    ended = true
  })
  const isReady = (): Promise<boolean> => {
    if (ended) throw new Error('The server ended while it started.')
    return probe()
  }
  try {
    await until('the server is ready', isReady)
  } catch (cause) {
    throw new Error(`${(cause as Error).message} Its log:\n${await logTail(folder)}`, { cause })
  }
}

const endTimeoutMs = 60_000

type Shell = Bun.Subprocess<'pipe', 'pipe', 'ignore'>

/** Holds the pipes: were a shell's handle collected, its pipe would close and its server end in the middle of a test. */
const running = new Set<Shell>()

/**
 * SIGQUIT is PostgreSQL's immediate shutdown, which SIGTERM cannot slow down any more. SIGTERM is for the rest, as a shell
 * starts its background commands with SIGQUIT ignored. SIGPIPE would end the shell if we are gone when it writes to us.
 */
const script = `
folder=$1
shift
trap : PIPE
mkdir -m 700 -p "$folder" && cd "$folder" || exit
echo made
read -r go || exec rm -rf "$folder"
"$@" </dev/null 2>>log &
server=$!
trap '' HUP INT QUIT TERM
echo $server
exec >/dev/null 2>&1
read -r order
kill -s CONT $server
kill -s QUIT $server
kill -s TERM $server
wait $server
[ "$order" = keep ] || rm -rf "$folder"
`

async function start(shell: Shell, folder: string, prepare?: () => void): Promise<Supervised> {
  const lines = linesOf(shell.stdout)
  if ((await lines.next()).value !== 'made') throw new Error(`Could not make the folder ${folder}.`)
  prepare?.()
  shell.stdin.write('go\n')
  await shell.stdin.flush()
  const pid = Number((await lines.next()).value)
  const gone = untilEnd(lines)
  return { pid, gone, end: ({ keepFolder = false } = {}) => end(shell, pid, gone, keepFolder) }
}

/** The server and its children inherit the pipe that the shell writes to, so its end is the end of the last of them. */
async function untilEnd(lines: AsyncIterable<string>): Promise<void> {
  for await (const _ of lines) {
    // Servers write to their log.
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

async function end(shell: Shell, pid: number, gone: Promise<void>, keepFolder: boolean): Promise<void> {
  if (keepFolder) shell.stdin.write('keep\n')
  await shell.stdin.end()
  const late = setTimeout(() => signalIfAlive(pid, 'SIGKILL'), endTimeoutMs)
  // Until the shell has buried it, a dead server still looks alive to one that starts on its folder.
  await (keepFolder ? shell.exited : gone)
  clearTimeout(late)
}

/** The last lines a server wrote to its log: what an error about it should show. */
async function logTail(folder: string, lines = 20): Promise<string> {
  const log = Bun.file(`${folder}/log`)
  return (await log.exists()) ? (await log.text()).trimEnd().split('\n').slice(-lines).join('\n') : '(no log)'
}

/** Debian keeps servers where an ordinary user's PATH does not look. */
function serverPath(): string {
  const { PATH = '/usr/bin:/bin' } = process.env
  return `${PATH}:/usr/local/sbin:/usr/sbin:/sbin`
}
