// An app that serves in a process of its own, so that it can be killed.
import { until } from './servers/until.ts'

export type ServedProcess = {
  /** Another one after a crash. */
  readonly url: string
  readonly pid: number
  /** SIGKILL, and the same command again with the same environment. */
  crash(): Promise<void>
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number>
}

/** Starts a command that serves on a port of its choice, and waits until it says where. */
export async function serveProcess(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<ServedProcess> {
  let running = await start(command, environment)
  process.once('exit', () => running.child.kill('SIGKILL'))
  return {
    get url() {
      return running.url
    },
    get pid() {
      return running.child.pid
    },
    crash: async () => {
      running.child.kill('SIGKILL')
      await running.child.exited
      running = await start(command, environment)
    },
    stop: () => {
      running.child.kill('SIGTERM')
      return running.child.exited
    },
  }
}

async function start(command: readonly string[], environment: Readonly<Record<string, string>>) {
  const env = { PATH: process.env['PATH'] ?? '', HOST: '127.0.0.1', PORT: '0', ...environment }
  const child = Bun.spawn([...command], { env, stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
  let said = ''
  const readOutput = async () => {
    for await (const chunk of child.stdout) said += new TextDecoder().decode(chunk)
  }
  const ended = readOutput()
  const findUrl = () => /"body":"serving on (http:[^"]+?)\/?"/.exec(said)?.[1]
  await Promise.race([until('it says where it serves', () => findUrl() !== undefined), ended])
  const url = findUrl()
  if (url === undefined) throw new Error(`${command.join(' ')} ended with ${await child.exited}: ${said}`)
  return { child, url }
}
