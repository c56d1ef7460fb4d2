// /logs/levels: which records this process prints. An operator changes them for a while, without a restart.
import type { Context, Handler } from 'hono'
import { milliseconds } from '../src/definitions/event/duration.ts'
import type { LevelSwitch } from '../src/ports/report/level-switch.ts'
import { LEVELS_EXPECTED } from '../src/ports/report/levels.ts'
import { Notice, type Report } from '../src/ports/report/notice.ts'
import { refuseCrossSite } from './http/cross-site.ts'
import { refuseParameter, withParameters } from './http/parameters.ts'
import { problem } from './http/problem.ts'

const OWN_REPORT = 'the option `report` of the app takes the records, so the app has no levels'

type LevelParts = { readonly levels: LevelSwitch | null; readonly report: Report }
type LevelHandlers = { readonly show: Handler; readonly set: Handler; readonly reset: Handler }

/** The handlers of GET, PUT and DELETE. Each answers with the levels that hold from then on. */
export function levelHandlers({ levels, report }: LevelParts): LevelHandlers {
  const answer = (c: Context, level: LevelSwitch) => c.json(level.show(), 200, { 'Cache-Control': 'no-store' })
  const withLevels = (names: readonly string[], act: (c: Context, level: LevelSwitch) => Response | null): Handler =>
    withParameters(names, c => {
      if (!levels) return problem(c, 'not-found', { detail: OWN_REPORT })
      return refuseCrossSite(c) ?? act(c, levels) ?? answer(c, levels)
    })
  const change = (level: LevelSwitch, act: () => Response | null): Response | null => {
    const before = level.show().levels
    const refused = act()
    if (!refused) report(changedNotice(before, level.show()))
    return refused
  }
  return {
    show: withLevels([], () => null),
    set: withLevels(['levels', 'for'], (c, level) => change(level, () => setLevels(c, level))),
    reset: withLevels([], (_, level) =>
      change(level, () => {
        level.reset()
        return null
      }),
    ),
  }
}

function setLevels(c: Context, level: LevelSwitch): Response | null {
  const { levels = '', for: time } = c.req.query() as Readonly<Record<string, string | undefined>>
  const ms = time === undefined ? null : readDuration(time)
  if (ms === undefined) return refuseParameter(c, ['for'], "expected a duration such as '10 minutes', at most 30 days")
  return level.set(levels, ms) ? null : refuseParameter(c, ['levels'], LEVELS_EXPECTED)
}

function readDuration(text: string): number | undefined {
  try {
    const ms = milliseconds(text)
    return ms > 0 && ms <= 30 * 86_400_000 ? ms : undefined
  } catch {
    return undefined
  }
}

/** It is printed at any level below `error`: who reads the records later has to know why there are more of them, or fewer. */
function changedNotice(before: string, { levels, until }: ReturnType<LevelSwitch['show']>): Notice {
  const end = until === null ? '' : `, until ${until}`
  const message = `The levels of records are ${levels} now${end}; they were ${before}.`
  return new Notice({ level: 'warn', code: 'levels-changed', message, fields: { levels, before, until } })
}
