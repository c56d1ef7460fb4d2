// Processes of our own beside the one that measures.
import { join } from 'node:path'

const children = join(import.meta.dir, '../children')

export type ServedChild = { readonly port: number; readonly pid: number; readonly stop: () => Promise<void> }

/** Starts a server that announces its port, and ends when it is let go of. */
export async function serve(child: string, env: Record<string, string>): Promise<ServedChild> {
  const server = Bun.spawn([process.execPath, join(children, `${child}.ts`)], {
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const { port } = JSON.parse(await firstLine(server.stdout)) as { port: number }
  const stop = async () => {
    await server.stdin.end()
    await server.exited
  }
  return { port, pid: server.pid, stop }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk)
    if (text.includes('\n')) break
  }
  return text
}

export type Asked<Question, Answer> = {
  readonly ask: (question: Question) => Promise<Answer>
  readonly end: () => Promise<unknown>
}

/** Starts a process that says once that it is ready, and then answers one question after the other. */
export async function asked<Question, Answer>(child: string, args: readonly string[]): Promise<Asked<Question, Answer>> {
  let onAnswer: (answer: Answer) => void = () => {}
  let failed: (error: Error) => void = () => {}
  const next = () =>
    new Promise<Answer>((resolve, reject) => {
      onAnswer = resolve
      failed = reject
    })
  const ready = next()
  const process_ = Bun.spawn([process.execPath, join(children, `${child}.ts`), ...args], {
    ipc: (answer: Answer) => onAnswer(answer),
    onExit: () => failed(new Error(`the process ${child} ended early`)),
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await ready
  const ask = (question: Question) => {
    const answer = next()
    process_.send(question)
    return answer
  }
  const end = () => {
    process_.disconnect()
    return process_.exited
  }
  return { ask, end }
}
