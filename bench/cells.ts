// The cells: what is measured, against which limit, and what the ratio should be.
import type { Arena, Contestant } from './contestant.ts'
import { duel, type Plan } from './duel.ts'
import { insert } from './limits/l1-insert.ts'
import { ROWS, unnest } from './limits/l3-unnest.ts'
import { copyIn } from './limits/l5-copy-in.ts'
import { copyOut } from './limits/l6-copy-out.ts'
import { readOut, sqliteInsert } from './limits/l11-sqlite.ts'
import { floored, valuedByMedian } from './measure/driven.ts'
import { median } from './measure/statistics.ts'
import { isAsked, type Options } from './options.ts'
import { race } from './race.ts'
import { type Place, plainRow, type Row, rowsOf } from './row.ts'
import { compile, start } from './systems/binary.ts'
import { commands } from './systems/commands.ts'
import { appends, appendsToFile } from './systems/emaki.ts'
import { emmettRebuilds } from './systems/emmett-rebuild.ts'
import { byHand, fulfilled } from './systems/fulfilled.ts'
import { grown } from './systems/growth.ts'
import { severalProcesses } from './systems/hot-processes.ts'
import { oneProcess } from './systems/hot-stream.ts'
import { honoEcho, orders } from './systems/http.ts'
import { imports, importsAll } from './systems/import.ts'
import { keepers } from './systems/keepers.ts'
import { bareListeners, listeners, stalled } from './systems/listeners.ts'
import { lag, lagOfFile } from './systems/lag.ts'
import { messageDb } from './systems/message-db.ts'
import { fileLog, postgresLog } from './systems/orders-log.ts'
import { dispatched, processed } from './systems/process.ts'
import { honoSummary, kept, shared } from './systems/queries.ts'
import { rebuilds } from './systems/rebuild.ts'
import { folds, foldsFew } from './systems/replay.ts'
import { relays, toKafka, toNats } from './systems/relays.ts'
import { rivals } from './systems/rivals.ts'
import { takeover } from './systems/takeover.ts'
import { timers } from './systems/timers.ts'

export type Variant = {
  readonly name: string
  readonly run: (arena: Arena, plan: Plan, systems: Options['systems']) => Promise<readonly Row[]>
}
export type Cell = { readonly id: string; readonly variants: readonly Variant[] }

const EMAKI = 'emaki'

// Each is shared by the sides of one duel.
const replayed = postgresLog()
const older = postgresLog({ schema: 'an older one' })
const mixed = postgresLog({ cancelled: true })
const rebuilt = postgresLog()
const replayedFile = fileLog()
const rebuiltFile = fileLog()

export const cells: readonly Cell[] = [
  cell('W1', [
    against(
      '1',
      'ms',
      '<= 1.6, aim 1.3',
      valuedByMedian(insert),
      [appends({ callers: 1 }), ...rivals({ callers: 1 })].map(valuedByMedian),
    ),
  ]),
  cell('W2', [
    against('32', 'events/s', '', unnest, [appends({ callers: 32 }), ...rivals({ callers: 32 })]),
    against('64', 'events/s', '>= 0.5', unnest, [appends({ callers: 64 }), ...rivals({ callers: 64 })]),
    against('256', 'events/s', '>= 0.6, aim 0.75', unnest, [appends({ callers: 256 }), ...rivals({ callers: 256 })]),
    against('categories-32', 'events/s', '', unnest, [messageDb({ callers: 32 }, true)]),
    against('5x64', 'events/s', '', unnest, [appends({ callers: 64, events: 5 })]),
    against('5x256', 'events/s', '', unnest, [appends({ callers: 256, events: 5 })]),
  ]),
  cell('W3', [
    against('cold-256', 'events/s', '>= 0.15, aim 0.3', appends({ callers: 256 }), [commands('cold')]),
    against('warm-256', 'events/s', '>= 0.8', appends({ callers: 256 }), [commands('warm')]),
  ]),
  cell('W4', [
    against('64', 'events/s', '>= 0.7', appends({ callers: 64 }), [oneProcess(64)]),
    against('4x16', 'events/s', '>= 0.4', severalProcesses(4, 16, { apart: true }), [severalProcesses(4, 16)]),
  ]),
  cell('W5', [
    against('100', 'events/s', '>= 0.5', copyIn, [imports(100)]),
    against('1000', 'events/s', '>= 0.5', copyIn, [imports(1_000)]),
    against('import', 'events/s', '>= 0.5', copyIn, [importsAll]),
  ]),
  cell('W6', [
    against('fold', 'events/s', '>= 0.2, aim 0.35', copyOut(replayed), [floored(100_000, folds(replayed))]),
    against('parsed', 'events/s', '', copyOut(older), [folds(older)]),
    against('few', 'events/s', '', folds(mixed), [foldsFew(mixed)]),
    against('rows', 'events/s', '>= 0.6, aim 0.8', folds(rebuilt), [rebuilds(rebuilt), emmettRebuilds]),
    against('sqlite-fold', 'events/s', '500 k', readOut(replayedFile), [floored(500_000, folds(replayedFile))]),
    against('sqlite-rows', 'events/s', '200 k', folds(rebuiltFile), [floored(200_000, rebuilds(rebuiltFile))]),
  ]),
  cell('W7', [
    { name: 'live', run: lag('live', false) },
    { name: 'foreign', run: lag('foreign', true) },
    { name: 'sqlite', run: lagOfFile },
  ]),
  cell('W8', [against('64', 'requests/s', '>= 0.35, aim 0.45', honoEcho, [orders])]),
  cell('W9', [
    against('memory-64', 'requests/s', '>= 0.8', honoSummary, [kept]),
    against('redis-64', 'requests/s', '', honoSummary, [shared]),
  ]),
  cell('W10', [against('10000', 'events/s', '>= 0.6, aim 0.8', bareListeners, [listeners]), { name: 'stalled', run: stalled }]),
  cell('W11', [against('10000', 'ms', '<= 2', keepers({ full: 100, short: 100 }), [keepers({ full: 10_000, short: 10_000 })])]),
  cell('W12', [
    against('1', 'ms', '<= 1.3', grown({ full: 10_000, short: 10_000 }), [grown({ full: 5_000_000, short: 500_000 })]),
  ]),
  cell('W13', [
    against('sqlite-1', 'events/s', '', sqliteInsert(1), [appendsToFile({ callers: 1 })]),
    against('sqlite-256', 'events/s', '>= 0.6, aim 0.85', sqliteInsert(ROWS), [appendsToFile({ callers: 256 })]),
  ]),
  cell('W15', [{ name: '32', run: race }]),
  cell('W16', [{ name: 'binary', run: binary }]),
  cell('W17', [
    { name: 'nats', run: relays('nats', toNats) },
    { name: 'nats-killed', run: relays('nats-killed', toNats, { crash: true }) },
    { name: 'kafka', run: relays('kafka', toKafka) },
  ]),
  cell('W18', [against('200', 'orders/s', '', byHand, [fulfilled])]),
  cell('W19', [against('4096', 'events/s', '>= 0.4', dispatched, [processed])]),
  cell('W20', [{ name: 'timers', run: timers }]),
  cell('W21', [
    { name: 'kill', run: takeover('kill') },
    { name: 'stop', run: takeover('stop') },
  ]),
]

function cell(id: string, variants: readonly (Variant | ((cell: string) => Variant))[]): Cell {
  return { id, variants: variants.map(variant => (typeof variant === 'function' ? variant(id) : variant)) }
}

/** A duel of those systems that are asked for. */
function against(name: string, unit: string, target: string, limit: Contestant, contestants: readonly Contestant[]) {
  return (cell: string): Variant => ({
    name,
    run: async (arena, plan, systems) => {
      const asked = contestants.filter(({ system }) => isAsked(systems, system))
      return asked.length ? rowsOf({ cell, variant: name, unit, target }, await duel(arena, plan, limit, asked)) : []
    },
  })
}

const START_MS_MAX = 150
const IDLE_MB_MAX = 120

async function binary(arena: Arena, { repetitions }: Plan, systems: Options['systems']): Promise<readonly Row[]> {
  if (!isAsked(systems, EMAKI)) return []
  const built = await compile(arena)
  const starts = []
  for (let i = 0; i < 2 * repetitions; i++) starts.push(await start(built, arena, i === 0 ? (arena.short ? 1_000 : 5_000) : 0))
  const place: Place = { cell: 'W16', variant: 'start', unit: 'ms', target: '<= 1' }
  const ms = median(starts.map(({ ms }) => ms))
  const memory = starts[0]!.idleMegabytes
  return [
    { ...plainRow(place, EMAKI, ms, START_MS_MAX, `${built.megabytes.toFixed(0)} MB on disk, SQLite`), p50Ms: ms },
    ...(memory === null ? [] : [plainRow({ ...place, variant: 'idle', unit: 'MB' }, EMAKI, memory, IDLE_MB_MAX)]),
  ]
}
