// A schedule that no release serves any more leaves its next time in the agenda. It is forgotten once it is long overdue.
import type { Agenda } from '../ports/agenda/agenda.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import { SCHEDULE_PREFIX } from '../definitions/schedule.ts'

/** More schedules than any app has. */
const SCHEDULES_MAX = 10_000

export type ForgetSchedulesOptions = {
  /** The owners of the schedules that this process serves. They are never forgotten. */
  readonly served: ReadonlySet<string>
  readonly overdueMs: number
  readonly report: Report
}

/** Forgets the next times of schedules that are not served and have been due for so long. Each is reported. */
export async function forgetSchedules(agenda: Agenda, { served, overdueMs, report }: ForgetSchedulesOptions): Promise<void> {
  const owners = (await agenda.count()).map(({ owner }) => owner)
  for (const owner of owners.filter(one => one.startsWith(SCHEDULE_PREFIX) && !served.has(one)).slice(0, SCHEDULES_MAX)) {
    const { entries, now } = await agenda.due(owner, 1)
    const old = entries.filter(({ due, timer }) => timer !== null && Date.parse(due) + overdueMs <= now)
    if (!old.length) continue
    await agenda.done(old)
    const [schedule, due] = [owner.slice(SCHEDULE_PREFIX.length), old[0]!.due]
    const message = `No process serves the schedule ${schedule}, which was due at ${due}. It is forgotten.`
    report(new Notice({ level: 'info', code: 'schedule-forgotten', message, fields: { schedule, due } }))
  }
}
