// Where the records of an app go: to its option `report`, else they are printed. What operators ask later is remembered.
import { type Config, printingOf } from '../src/config.ts'
import { Failures } from '../src/ports/report/failures.ts'
import { isWanted, type Report } from '../src/ports/report/notice.ts'
import type { Level } from '../src/ports/report/record.ts'
import { type PrintOptions, printReports } from '../src/ports/report/print.ts'
import type { AppOptions } from './app-options.ts'

export type Reporting = { readonly report: Report; readonly failures: Failures }

/** Makes the report of an app. */
export function reportingOf({ report }: AppOptions, configured: () => Config): Reporting {
  const failures = new Failures()
  return { report: failures.observe(report ?? printLater(configured)), failures }
}

/** Prints as the configuration says. It is read with the first record, as an app may be made without it. */
function printLater(configured: () => Config): Report {
  let made: Report | null = null
  const printing = () => {
    made ??= printReports(printOptionsOf(configured))
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
