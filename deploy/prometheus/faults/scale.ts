// The rules of alerts in less time, so that a real fault can be waited for.
import { parse, stringify } from 'yaml'

/** How many times faster the run is than the rules that are deployed. */
export const FACTOR = 30
/** A window has five scrapes, so that a rate has data and one that failed is no fault. In seconds. */
const WINDOW_MIN = 10
/** A condition has to hold over three evaluations. In seconds. */
const FOR_MIN = 6
/** What stands still has to do so for longer than a busy machine takes anyway. In seconds. */
const STANDING_MIN = 3
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** What has no events of its own saves its position every 10 s. In seconds. */
const POSITION_MIN = 30
const POSITION = /(emaki_subscription_position\[)(\d+)s/
/** Durations in the expressions, in seconds, that are thresholds or distances into the future. Others are no durations of waiting. */
const STANDING = [
  /(emaki_stall_time_seconds\{[^}]*\}\) > )(\d+)/,
  /(lag_time_seconds:max > )(\d+)/,
  /(emaki_agenda_due_time_seconds\) > )(\d+)/,
]
const AHEAD = [/(predict_linear\([^,]+, )(\d+)/, /(process_uptime_seconds > )(\d+)/]

type Rule = { readonly expr: string; readonly for?: string }
type Rules = { readonly groups: readonly { readonly rules: readonly Rule[] }[] }

/**
 * Divides all times of rules by a factor: windows, `for`, thresholds in seconds of waiting, and how far is looked ahead.
 * Latencies stay, such as the 0.25 s of a slow append. What it cannot show: whether these times are the right ones.
 */
export function scaleRules(text: string, factor: number): string {
  const { groups } = parse(text) as Rules
  const scaled = groups.map(group => ({ ...group, rules: group.rules.map(rule => scaleRule(rule, factor)) }))
  return stringify({ groups: scaled }, { lineWidth: 0 })
}

function scaleRule(rule: Rule, factor: number): Rule {
  const windows = rule.expr.replaceAll(/\[(\d+)([smhd])\]/g, (_, n, unit) => `[${scale(n, unit, factor, WINDOW_MIN)}s]`)
  const moving = windows.replace(POSITION, (_, before, n) => `${before}${Math.max(Number(n), POSITION_MIN)}s`)
  const standing = STANDING.reduce(
    (expr, one) => expr.replace(one, (_, before, n) => before + scale(n, 's', factor, STANDING_MIN)),
    moving,
  )
  const expr = AHEAD.reduce((text, one) => text.replace(one, (_, before, n) => before + scale(n, 's', factor, 1)), standing)
  if (rule.for === undefined) return { ...rule, expr }
  const [, n = '', unit = ''] = /^(\d+)([smhd])$/.exec(rule.for) ?? []
  return { ...rule, expr, for: `${scale(n, unit, factor, FOR_MIN)}s` }
}

function scale(n: string, unit: string, factor: number, least: number): number {
  return Math.max(least, Math.round((Number(n) * UNITS[unit]!) / factor))
}
