// One contestant by itself, for a profiler: bun --cpu-prof bench/profile.ts W1|W2|W3|W3-cold|W4|W4-4x16|W4-4x16-apart|W6|W6-rows|W6-file|W6-file-rows|W8|W13|W13-1|W18|W18-limit|W19|W19-limit [seconds]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { app } from 'emaki/http'
import { telemetry } from 'emaki/otel'
import { postgres } from 'emaki/postgres'
import { startPostgres } from '../src/test-support/servers/postgres.ts'
import type { Arena, Contestant } from './contestant.ts'
import { httpLoad } from './measure/http-load.ts'
import { basket, order } from './order.ts'
import { SETTINGS } from './settings.ts'
import { commands } from './systems/commands.ts'
import { appends, appendsToFile } from './systems/emaki.ts'
import { byHand, fulfilled } from './systems/fulfilled.ts'
import { fileLog, postgresLog } from './systems/orders-log.ts'
import { severalProcesses } from './systems/hot-processes.ts'
import { oneProcess } from './systems/hot-stream.ts'
import { dispatched, processed } from './systems/process.ts'
import { rebuilds } from './systems/rebuild.ts'
import { folds } from './systems/replay.ts'

const [cell = 'W2', seconds = '10'] = process.argv.slice(2)

/** W8 in this process; only wrk is outside. */
const http: Contestant = {
  system: 'emaki',
  open: async arena => {
    const store = postgres(await arena.server.createDatabase('orders'))
    const served = app({ serve: [order], store, telemetry: await telemetry() })
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: served.fetch })
    const load = { port: server.port!, before: '/order/', after: '/place', body: JSON.stringify(basket()), connections: 64 }
    return {
      run: async ms => {
        const { requests, seconds, p50Ms, p99Ms } = await httpLoad(load, ms)
        return { value: requests / seconds, p50Ms, p99Ms, events: requests, appUs: null, serverUs: null }
      },
      check: async () => null,
      close: () => server.stop(true),
    }
  },
}

const contestants: Record<string, Contestant> = {
  W1: appends({ callers: 1 }),
  W2: appends({ callers: 256 }),
  'W3-cold': commands('cold'),
  W3: commands('warm'),
  W4: oneProcess(64),
  'W4-4x16': severalProcesses(4, 16),
  'W4-4x16-apart': severalProcesses(4, 16, { apart: true }),
  W6: folds(postgresLog()),
  'W6-rows': rebuilds(postgresLog()),
  'W6-file': folds(fileLog()),
  'W6-file-rows': rebuilds(fileLog()),
  W8: http,
  W13: appendsToFile({ callers: 256 }),
  'W13-1': appendsToFile({ callers: 1 }),
  W18: fulfilled,
  'W18-limit': byHand,
  W19: processed,
  'W19-limit': dispatched,
}

await using server = await startPostgres({ settings: SETTINGS })
const arena: Arena = { server, folder: mkdtempSync(join(tmpdir(), 'emaki-profile-')), short: true }
const entrant = await contestants[cell]!.open(arena)
const end = performance.now() + Number(seconds) * 1_000
// What takes as long as it takes is done again and again.
while (performance.now() < end) {
  const { value, p50Ms, p99Ms, appUs, serverUs } = await entrant.run(end - performance.now())
  const us = `us app ${appUs?.toFixed(1) ?? '?'}, us db ${serverUs?.toFixed(1) ?? '?'}`
  console.log(`${cell}: ${Math.round(value)} a second, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, ${us}`)
}
const wrong = await entrant.check()
if (wrong !== null) console.error(wrong)
for (const { name, value, unit } of entrant.extras?.() ?? []) console.log(`${cell}: ${value.toFixed(2)} ${name} ${unit}`)
await entrant.close()
rmSync(arena.folder, { recursive: true })
