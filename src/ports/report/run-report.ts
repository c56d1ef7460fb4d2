// The report of a run. What a handler opens for a run, such as a relay's connection, finds it by the signal that ends the
// run: a definition is made before there is an app.
import type { Report } from './notice.ts'
import { printReports } from './print.ts'

const reports = new WeakMap<AbortSignal, Report>()

export function setRunReport(signal: AbortSignal, report: Report): void {
  reports.set(signal, report)
}

/** Gives the report of a run. Of a run without an app, it prints. */
export function runReport(signal: AbortSignal): Report {
  return reports.get(signal) ?? printReports()
}
