// How often something goes along each edge of a flow, from two scrapes of a running server.
import type { Definition } from '../definitions/definition.ts'
import { type Flow, type FlowEdge, type FlowNode, nodeOf } from '../definitions/flow.ts'
import { ownRowsOf } from '../definitions/measure/spec.ts'
import { subscriptionOf } from '../definitions/process/instance.ts'
import { tableOf } from '../definitions/projection/projection.ts'
import { subscriptionOf as subscriptionOfSql } from '../definitions/projection/sql-projection.ts'

/** What a process has counted since it began, by what it counts: `event order.Placed`. */
export type Counts = ReadonlyMap<string, number>

/** How long the process has run, in s. */
export const UPTIME = 'uptime'

/** What is read of a scrape: of each sample its name, and which labels say what is counted. */
const COUNTED: Readonly<Record<string, (labels: Readonly<Record<string, string>>) => readonly string[]>> = {
  process_uptime_seconds: () => [UPTIME],
  emaki_command_duration_seconds_count: one => [`command ${one['emaki_command']}`],
  emaki_events_appended_total: one => [`event ${one['emaki_event']}`],
  emaki_subscription_events_total: one => [`subscription ${one['emaki_subscription']}`],
  emaki_delivery_duration_seconds_count: one => [`${one['outcome']} ${one['emaki_subscription']}`],
  emaki_inbox_messages_total: one => [
    `inbox ${one['inbox']}`,
    ...(one['outcome'] === 'accepted' ? [`accepted ${one['inbox']}`] : []),
  ],
}

/** Reads the text that Prometheus scrapes. */
export function readCounts(text: string): Counts {
  const counts = new Map<string, number>()
  for (const [, name, labels, value] of text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm))
    for (const key of COUNTED[name!]?.(labelsOf(labels ?? '')) ?? []) counts.set(key, (counts.get(key) ?? 0) + Number(value))
  return counts
}

function labelsOf(text: string): Readonly<Record<string, string>> {
  const found = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)
  return Object.fromEntries(Array.from(found, ([, name, value]) => [name!, JSON.parse(`"${value}"`) as string]))
}

/** What one process has counted between two scrapes, by the second. */
export function ratesOf(before: Counts, after: Counts, seconds: number): Counts {
  return new Map([...after].map(([key, value]) => [key, (value - (before.get(key) ?? 0)) / seconds]))
}

/**
 * A flow with its rates. What is measured for a whole reader or inbox stands on its edge if it has one; else on its node,
 * as nobody has measured the parts.
 */
export function addRates({ nodes, edges }: Flow, definitions: readonly Definition[], rates: Counts): Flow {
  const subscriptions = new Map(definitions.flatMap(subscriptionEntry))
  const byId = new Map(nodes.map(node => [node.id, node]))
  const rate = (key: string) => ({ perSecond: rates.get(key) ?? 0 })
  const incoming = Map.groupBy(edges, ({ to }) => to)
  const outgoing = Map.groupBy(edges, ({ from }) => from)
  const keyOfWhole = ({ id, kind, name }: FlowNode) => {
    const subscription = subscriptions.get(id)
    if (subscription !== undefined) return { key: `subscription ${subscription}`, edges: incoming.get(id) ?? [] }
    return kind === 'inbox' ? { key: `accepted ${name}`, edges: outgoing.get(id) ?? [] } : null
  }
  const wholes = nodes.flatMap(node => keyOfWhole(node) ?? [])
  const single = new Map(wholes.flatMap(({ key, edges }) => (edges.length === 1 ? [[edges[0]!, rate(key)] as const] : [])))
  const nodeRate = (node: FlowNode) => {
    const whole = keyOfWhole(node)
    return whole && whole.edges.length !== 1 ? rate(whole.key) : {}
  }
  const edgeRate = (edge: FlowEdge) => {
    const [from, to] = [byId.get(edge.from)!, byId.get(edge.to)!]
    if (from.kind === 'command') return rate(`command ${from.name}`)
    if (from.kind === 'decider' && to.kind === 'event') return rate(`event ${to.name}`)
    if (from.kind === 'relay') return deliveryRate(from.name, rates)
    return to.kind === 'inbox' ? rate(`inbox ${to.name}`) : (single.get(edge) ?? {})
  }
  return {
    nodes: nodes.map(node => ({ ...node, ...nodeRate(node) })),
    edges: edges.map(edge => ({ ...edge, ...edgeRate(edge) })),
  }
}

function deliveryRate(relay: string, rates: Counts): Pick<FlowEdge, 'perSecond' | 'failedPerSecond'> {
  const [done = 0, failed = 0, refused = 0] = ['done', 'failed', 'refused'].map(outcome => rates.get(`${outcome} ${relay}`) ?? 0)
  return { perSecond: done, ...(failed + refused > 0 && { failedPerSecond: failed + refused }) }
}

/** The subscription by which a definition reads the log, by the id of its node. */
function subscriptionEntry(definition: Definition): readonly (readonly [id: string, subscription: string])[] {
  const { id } = nodeOf(definition)
  if (definition.kind === 'processor') return [[id, definition.name]]
  if (definition.kind === 'process') return [[id, subscriptionOf(definition)]]
  if (definition.kind === 'sql-projection') return [[id, subscriptionOfSql(definition)]]
  const rows = definition.kind === 'measure' ? ownRowsOf(definition) : definition
  return rows?.kind === 'projection' && !rows.live ? [[id, tableOf(rows)]] : []
}
