// What a node's process runs: a runtime over PostgreSQL, and callers. See ../../subscription/races/nodes.ts.
import { openSync, writeSync } from 'node:fs'
import { random } from '../../postgres/races/random.ts'
import { sender } from '../../postgres/races/sender.ts'
import { postgres } from '../../postgres/store.ts'
import { runtime } from '../../runtime.ts'
import type { NodeJob, Order } from '../../subscription/races/nodes.ts'
import { leasePlant, type Stop, watched } from '../../subscription/races/watched.ts'
import { asking, served } from './domain.ts'

const job = JSON.parse(process.argv[2]!) as NodeJob
if (job.database.kind !== 'postgres') throw new Error('these nodes are several, on PostgreSQL')
const files = { attempts: open('attempts'), leases: open('leases'), reported: open('reported'), stopped: open('stopped') }
let stop: Stop | null = null

const { url, schema, deadlineMs } = job.database
const store = watched(postgres(url, { schema, migrate: false, pooler: false, deadlineMs, lockTimeoutMs: deadlineMs / 2 }), {
  who: job.who,
  tell: said => write(files.leases, said),
  stopAt: (at, name) => {
    if (stop?.at !== at || stop.name !== name) return
    stop = null
    write(files.stopped, { at, name })
    process.kill(process.pid, 'SIGSTOP')
  },
  plant: leasePlant(job.plant),
})
const emaki = await runtime({
  serve: served,
  store,
  leaseMs: job.leaseMs,
  report: error => write(files.reported, error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
})

const INSTANCES = 12
let isEnding = false
let calling: Promise<unknown> = Promise.resolve()
const send = sender(emaki, job.who, attempt => write(files.attempts, attempt), true)
const choices = random(job.seed)

async function caller(_: unknown, i: number): Promise<void> {
  for (let n = 0; !isEnding; n++) {
    await send(asking.ask(`a${choices.below(INSTANCES)}`, { token: `${job.who}.${i}.${n}` }))
    await Bun.sleep(choices.below(job.paceMs))
  }
}

process.on('message', (order: Order) => {
  if (order.do === 'load') calling = Promise.all(Array.from({ length: order.callers }, caller))
  else if (order.do === 'stop') stop = order.stop
  else if (order.do === 'ping') process.send!('pong')
  else if (order.do === 'rest') void rest()
  else void rest().then(end)
})
// As it comes, in the middle of what is being sent.
process.on('SIGTERM', () => void end())
process.send!('ready')

/** Sends nothing any more. */
async function rest(): Promise<void> {
  isEnding = true
  await calling
  process.send!('rests')
}

async function end(): Promise<void> {
  await emaki.close()
  process.exit(0)
}

function open(what: string): number {
  return openSync(`${job.folder}/${job.name}.${what}`, 'a')
}

function write(file: number, said: unknown): void {
  writeSync(file, `${JSON.stringify(said)}\n`)
}
