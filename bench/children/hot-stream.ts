// One of several processes that command one stream, or one each. Told how long by a message, it answers with what it measured.
import { closedLoop } from '../measure/closed-loop.ts'
import { hotStream } from '../systems/hot-stream.ts'

const [url, callers, id] = process.argv.slice(2) as [string, string, string]
const { act, tally, close } = await hotStream(url, id)

process.on('message', async ({ ms }: { ms: number }) => {
  const sample = await closedLoop({ act, callers: Number(callers), events: 1, postmaster: null }, ms)
  process.send!({ sample, tally: tally() })
})
process.on('disconnect', async () => {
  await close()
  process.exit(0)
})
process.send!({ ready: true })
