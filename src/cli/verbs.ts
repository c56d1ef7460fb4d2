// Every verb, in the order in which the usage shows them.
import { agendaVerb, timersVerb } from './agenda.ts'
import { backtestVerb } from './backtest.ts'
import { breachesVerb } from './breaches.ts'
import { doctorVerb } from './doctor.ts'
import { eventsVerb } from './events.ts'
import { exportVerb } from './export.ts'
import { findingsVerb } from './findings.ts'
import { flowVerb } from './flow.ts'
import { healthVerb } from './health.ts'
import { importVerb } from './import.ts'
import { importsVerb } from './imports.ts'
import { levelsVerb } from './levels.ts'
import { logsVerb } from './logs.ts'
import { migrateVerb } from './migrate.ts'
import { processesVerb } from './processes.ts'
import { refusalsVerb } from './refusals.ts'
import { replayVerb } from './replay.ts'
import { restoreVerb } from './restore.ts'
import { auditVerb, parkedVerb, rebuildVerb, resetVerb, skipVerb, unparkVerb } from './rows.ts'
import { serveVerb } from './serve.ts'
import { streamsVerb } from './streams.ts'
import { pauseVerb, resumeVerb, statusVerb } from './subscriptions.ts'
import type { Verb } from './verb.ts'
import { verifyVerb } from './verify.ts'
import { viewsVerb } from './views.ts'
import { whyVerb } from './why.ts'

export const verbs: Readonly<Record<string, Verb>> = {
  serve: serveVerb,
  migrate: migrateVerb,
  health: healthVerb,
  logs: logsVerb,
  levels: levelsVerb,
  why: whyVerb,
  flow: flowVerb,
  streams: streamsVerb,
  events: eventsVerb,
  replay: replayVerb,
  refusals: refusalsVerb,
  timers: timersVerb,
  agenda: agendaVerb,
  processes: processesVerb,
  status: statusVerb,
  pause: pauseVerb,
  resume: resumeVerb,
  parked: parkedVerb,
  unpark: unparkVerb,
  skip: skipVerb,
  rebuild: rebuildVerb,
  reset: resetVerb,
  audit: auditVerb,
  findings: findingsVerb,
  backtest: backtestVerb,
  views: viewsVerb,
  verify: verifyVerb,
  breaches: breachesVerb,
  doctor: doctorVerb,
  restore: restoreVerb,
  import: importVerb,
  imports: importsVerb,
  export: exportVerb,
}
