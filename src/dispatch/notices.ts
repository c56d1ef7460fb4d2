// What operators are told of a process that runs, and that stops.
import { Notice, type Report } from '../ports/report/notice.ts'

/** Says how many commands have no answer, as the process stops. */
export function reportUnanswered(commands: number, report: Report): void {
  if (commands === 0) return
  const message = `The process stops before ${commands} commands are answered. Their callers can send those with a key again.`
  report(new Notice({ level: 'warn', code: 'commands-unanswered', message, fields: { commands } }))
}

/** Says that a listener of the bus failed. */
export function listenerNotice(cause: unknown): Notice {
  return new Notice({ level: 'error', code: 'listener-failed', message: `A listener of the bus failed: ${String(cause)}`, cause })
}
