// One life of a node, in a process of its own: a runtime over a store, and callers, told what to do by who started it. See nodes.ts.
import { openSync, writeSync } from 'node:fs'
import type { Command } from '../../definitions/decider/command.ts'
import { type Random, random } from '../../adapters/postgres/races/random.ts'
import { sender } from '../../adapters/postgres/races/sender.ts'
import type { Served } from '../../definitions/definition.ts'
import { runtime } from '../../runtime.ts'
import type { Store } from '../../ports/store/store.ts'
import type { NodeJob, Order } from './nodes.ts'
import { leasePlant, type Stop, watchStore } from './watched.ts'

export type Life = {
  readonly store: Store
  readonly serve: readonly Served[]
  /** What a caller sends next. No two tokens are the same. */
  readonly command: (choices: Random, token: string) => Command
}

/** What the process was told to be. */
export const job = JSON.parse(process.argv[2]!) as NodeJob

/** Serves, and does as it is told, until it is ended. */
export async function live({ store, serve, command }: Life): Promise<void> {
  const files = { attempts: open('attempts'), leases: open('leases'), reported: open('reported'), stopped: open('stopped') }
  let stop: Stop | null = null
  const emaki = await runtime({
    serve,
    store: watchStore(store, {
      who: job.who,
      tell: said => write(files.leases, said),
      stopAt: (at, name) => {
        if (stop?.at !== at || stop.name !== name) return
        stop = null
        write(files.stopped, { at, name })
        process.kill(process.pid, 'SIGSTOP')
      },
      plant: leasePlant(job.plant),
    }),
    leaseMs: job.leaseMs,
    report: error => write(files.reported, error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
  })

  let isEnding = false
  let calling: Promise<unknown> = Promise.resolve()
  const send = sender(emaki, job.who, attempt => write(files.attempts, attempt), true)
  const choices = random(job.seed)

  const caller = async (_: unknown, i: number): Promise<void> => {
    for (let n = 0; !isEnding; n++) {
      await send(command(choices, `${job.who}.${i}.${n}`))
      if (job.paceMs) await Bun.sleep(choices.below(job.paceMs))
    }
  }
  /** Sends nothing any more. */
  const endCalls = async (): Promise<void> => {
    isEnding = true
    await calling
    process.send!('rests')
  }
  const end = async (): Promise<void> => {
    await emaki.close()
    process.exit(0)
  }

  process.on('message', (order: Order) => {
    if (order.do === 'load') calling = Promise.all(Array.from({ length: order.callers }, caller))
    else if (order.do === 'stop') stop = order.stop
    else if (order.do === 'ping') process.send!('pong')
    else if (order.do === 'rest') void endCalls()
    else void endCalls().then(end)
  })
  // As it comes, in the middle of what is being sent.
  process.on('SIGTERM', () => void end())
  process.send!('ready')
}

function open(what: string): number {
  return openSync(`${job.folder}/${job.name}.${what}`, 'a')
}

function write(file: number, said: unknown): void {
  writeSync(file, `${JSON.stringify(said)}\n`)
}
