// Who is measured: a limit, Emaki or a rival. All are driven alike.
import type { PostgresServer } from '../src/test-support/servers/postgres.ts'

/** What a contestant may use. */
export type Arena = {
  readonly server: PostgresServer
  /** For files; on the disk that PostgreSQL's are on. */
  readonly folder: string
  /** Whether `--seconds` asks for a short run, with less data. */
  readonly short: boolean
}

/** One measurement. `value` is in the row's unit. */
export type Sample = {
  readonly value: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly events: number
  /** CPU time for each event in µs, of the client (and app) and of PostgreSQL; null where it cannot be told. */
  readonly appUs: number | null
  readonly serverUs: number | null
}

export type Latency = { readonly p50Ms: number; readonly p99Ms: number }

/** A further row of a contestant; its variant is the cell's with `name` behind it. */
export type Extra = { readonly name: string; readonly unit: string; readonly value: number; readonly limit: number }

export type Entrant = {
  /** Measures at saturation, for so long. */
  readonly run: (ms: number) => Promise<Sample>
  /** Measures latency at a rate of events a second, from the time at which each was due. */
  readonly pace?: (rate: number, ms: number) => Promise<Latency>
  /** What is wrong with what was stored; null: nothing. */
  readonly check: () => Promise<string | null>
  /** What else there is to say. */
  readonly note?: () => string
  /** What else was counted. */
  readonly extras?: () => readonly Extra[]
  readonly close: () => Promise<void>
}

export type Contestant = {
  /** `emaki`, or a package's name. */
  readonly system: string
  readonly open: (arena: Arena) => Promise<Entrant>
}

export type RivalOptions = { readonly callers: number }
