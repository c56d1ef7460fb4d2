// What a process of its own runs: one job, told as JSON. See writers.ts.
import { openSync } from 'node:fs'
import { append } from './appending.ts'
import { command } from './commanding.ts'
import { create } from './creating.ts'
import { wait } from './waiting.ts'
import { type Job, writeTo } from './writers.ts'

const job = JSON.parse(process.argv[2]!) as Job
const tell = writeTo(openSync(process.argv[3]!, 'a'))

async function ready(): Promise<void> {
  const going = new Promise<void>(resolve => process.once('message', () => resolve()))
  process.send!('ready')
  await going
}

switch (job.kind) {
  case 'append':
    await append(job, tell, ready)
    break
  case 'command':
    await command(job, tell, ready)
    break
  case 'create':
    await create(job, tell, ready)
    break
  case 'wait':
    await wait(job, tell, ready)
    break
}
process.exit(0)
