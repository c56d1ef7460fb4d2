// Where the records of an app go: to its option `report`, else they are printed. What operators ask later is remembered.
import { type Config, printingOf } from '../src/config.ts'
import { Failures } from '../src/ports/report/failures.ts'
import { LevelSwitch } from '../src/ports/report/level-switch.ts'
import { RecordRing } from '../src/ports/report/ring.ts'
import { isWanted, kindOf, type Report, watchReport } from '../src/ports/report/notice.ts'
import { recordOf } from '../src/ports/report/notice-record.ts'
import type { Level } from '../src/ports/report/record.ts'
import { type PrintOptions, printReports } from '../src/ports/report/print.ts'
import { withoutSecrets } from '../src/ports/report/secrets.ts'
import type { AppOptions } from './app-options.ts'

export type Reporting = {
  readonly report: Report
  readonly failures: Failures
  readonly ring: RecordRing
  /** Hides secrets in all texts of a value. */
  readonly hide: <T>(value: T) => T
  /** The levels that are printed. Null: the app takes its records itself. */
  readonly levels: LevelSwitch | null
}

/** Makes the report of an app. The configuration is read with the first record, as an app may be made without it. */
export function reportingOf({ report, telemetry }: AppOptions, configured: () => Config): Reporting {
  let read: PrintOptions | null = null
  const options = () => {
    read ??= printOptionsOf(configured)
    return read
  }
  const levels = report ? null : new LevelSwitch({ configured: () => levelTextOf(configured) })
  const failures = new Failures()
  const ring = new RecordRing({ secrets: () => options().secrets ?? [] })
  const printed = levels && printLater(() => ({ ...options(), levels: () => levels.levels() }))
  const out = sendRecords(report ?? printed!, telemetry, options)
  const hide = <T>(value: T) => withoutSecrets(value, options().secrets)
  return { report: failures.observe(ring.observe(out)), failures, ring, hide, levels }
}

/** Sends what is printed, or what the report of the app takes, also to a back end. */
function sendRecords(report: Report, telemetry: AppOptions['telemetry'], options: () => PrintOptions): Report {
  const send = telemetry?.sendRecord
  if (!send) return report
  return watchReport(report, problem => {
    const { level, code } = kindOf(problem)
    if (isWanted(report, level, code)) send(recordOf(problem, Date.now(), options().secrets))
  })
}

function printLater(options: () => PrintOptions): Report {
  let made: Report | null = null
  const printing = () => {
    made ??= printReports(options())
    return made
  }
  const print = (problem: unknown) => printing()(problem)
  return Object.assign(print, { wants: (level: Level, code: string) => isWanted(printing(), level, code) })
}

/** A configuration that cannot be used is a record itself. */
function printOptionsOf(configured: () => Config): PrintOptions {
  try {
    return printingOf(configured())
  } catch {
    return {}
  }
}

function levelTextOf(configured: () => Config): string {
  try {
    return configured().LOG_LEVEL
  } catch {
    return 'info'
  }
}
