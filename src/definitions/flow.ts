// What leads to what, as the definitions tell it: a graph of commands, events, whatever reads or sends them, and the
// services, topics and callers outside.
import type { DeciderSpec } from './decider/decider.ts'
import { type Definition, definitionOf, type Served } from './definition.ts'
import { isDetector } from './detector/detector.ts'
import type { Endpoint } from './endpoint.ts'
import { nameOfOwnActor } from './event/actor.ts'
import type { Families, TypesByCategory } from './event/families.ts'
import type { MeasureSpec } from './measure/spec.ts'

/** How often something goes along, or fails to. Without it, nobody has measured it. */
type Rate = { readonly perSecond?: number; readonly failedPerSecond?: number }
export type FlowNode = { readonly id: string; readonly kind: string; readonly name: string } & Rate
export type FlowEdge = { readonly from: string; readonly to: string } & Rate
/** Nodes and edges, each once and in the order of their ids. An edge names the ids of its ends. */
export type Flow = { readonly nodes: readonly FlowNode[]; readonly edges: readonly FlowEdge[] }

/** Who has sent commands to a decider, as the log tells it. */
export type CommandSender = { readonly actor: string; readonly decider: string }

type Ends = readonly [from: FlowNode, to: FlowNode]

/** How many callers are drawn by their names. More of them are persons rather than services: they are one node. */
export const CALLERS_MAX = 10

/** The flow of an app. A definition that is tied to no other is a node, too. */
export function buildFlow(serve: readonly Served[], senders: readonly CommandSender[] = []): Flow {
  const definitions = serve.map(definitionOf)
  const ends = [...definitions.flatMap(endsOf), ...senderEnds(definitions, senders)]
  const nodes = new Map([...definitions.map(nodeOf), ...ends.flat()].map(node => [node.id, node]))
  const edges = new Map(ends.map(([from, to]) => [JSON.stringify([from.id, to.id]), { from: from.id, to: to.id }]))
  return { nodes: sortByKey(nodes), edges: sortByKey(edges) }
}

/** A flow as a Mermaid flowchart. */
export function drawFlow({ nodes, edges }: Flow): string {
  const short = new Map(nodes.map(({ id }, i) => [id, `n${i}`]))
  const drawn = nodes.map(node => {
    const rate = rateText(node)
    return `  ${short.get(node.id)}["${escapeText(`${node.kind} ${node.name}`)}${rate && ` ${rate}`}"]`
  })
  const arrows = edges.map(edge => {
    const rate = rateText(edge)
    return `  ${short.get(edge.from)} -->${rate && `|${rate}|`} ${short.get(edge.to)}`
  })
  return ['flowchart LR', ...drawn, ...arrows].join('\n')
}

/** A rate in words: `12/s`, `12/s, 0.5/s failed`. */
function rateText({ perSecond, failedPerSecond }: Rate): string {
  if (perSecond === undefined) return ''
  const text = (value: number) => `${Number(value.toPrecision(2))}/s`
  return failedPerSecond === undefined ? text(perSecond) : `${text(perSecond)}, ${text(failedPerSecond)} failed`
}

/** Mermaid reads a character by its number: `#34;` is a quotation mark. */
function escapeText(text: string): string {
  return text.replaceAll(/[^\w .-]/gu, character => `#${character.codePointAt(0)};`)
}

function sortByKey<T>(values: ReadonlyMap<string, T>): readonly T[] {
  return [...values].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
}

function buildNode(kind: string, name: string): FlowNode {
  return { id: `${kind}:${name}`, kind, name }
}

function outsideNode({ kind, name }: Endpoint): FlowNode {
  return buildNode(kind, name)
}

/** The node of a definition, without its rate. */
export function nodeOf(definition: Definition): FlowNode {
  return buildNode(kindOf(definition), definition.name)
}

function kindOf(definition: Definition): string {
  if (definition.kind === 'processor' && definition.target) return 'relay'
  return isDetector(definition) ? 'detector' : definition.kind
}

function endsOf(definition: Definition): readonly Ends[] {
  const own = nodeOf(definition)
  switch (definition.kind) {
    case 'decider':
      return decidedEnds(own, definition)
    case 'query':
      return [...(definition.from ?? [])].map(name => [buildNode('projection', name), own])
    case 'measure':
      return measuredEnds(own, definition)
    case 'schedule':
      return sentEnds(own, definition.to)
    case 'inbox':
      return definition.source ? [[outsideNode(definition.source), own]] : []
    case 'process':
      return [...readEnds(own, definition.families, typesOf(definition.handledTypes)), ...sentEnds(own, definition.to)]
    case 'processor': {
      const sent: readonly Ends[] = definition.target ? [[own, outsideNode(definition.target)]] : []
      return [...readEnds(own, definition.families, definition.filter), ...sent]
    }
    default:
      return readEnds(own, definition.families, definition.filter)
  }
}

/** Inboxes, processors and the like by their own names; callers from outside by theirs, or as one where they are many. */
function senderEnds(definitions: readonly Definition[], senders: readonly CommandSender[]): readonly Ends[] {
  const deciders = new Map(definitions.flatMap(one => (one.kind === 'decider' ? [[one.name, nodeOf(one)]] : [])))
  const sent = senders.filter(({ decider }) => deciders.has(decider))
  const outside = new Set(sent.flatMap(({ actor }) => (nameOfOwnActor(actor) ? [] : [actor])))
  return sent.map(({ actor, decider }) => {
    const own = nameOfOwnActor(actor)
    const caller = outside.size > CALLERS_MAX ? `${outside.size} callers` : actor
    return [own ? buildNode(own.kind, own.name) : buildNode('caller', caller), deciders.get(decider)!]
  })
}

function decidedEnds(own: FlowNode, { name, commands, events }: DeciderSpec): readonly Ends[] {
  const sent = [...commands.keys()].map((command): Ends => [buildNode('command', `${name}.${command}`), own])
  return [...sent, ...[...events.types.keys()].map((type): Ends => [own, buildNode('event', `${events.name}.${type}`)])]
}

function measuredEnds(own: FlowNode, { from }: MeasureSpec): readonly Ends[] {
  if (from.kind === 'rows') return [[buildNode('projection', from.rows.name), own]]
  return readEnds(own, from.rows.families, from.rows.filter)
}

function sentEnds(own: FlowNode, to: ReadonlySet<string>): readonly Ends[] {
  return [...to].map(name => [own, buildNode('decider', name)])
}

function typesOf(handled: ReadonlyMap<string, ReadonlyMap<string, unknown>>): TypesByCategory {
  return new Map([...handled].map(([category, types]) => [category, [...types.keys()]]))
}

/** The events of today that a definition reads; old types in the log become one of them. */
function readEnds(own: FlowNode, families: Families, filter: TypesByCategory): readonly Ends[] {
  return [...families.values()].flatMap(({ name, types }) => {
    const wanted = filter.get(name)
    const isRead = (type: string) => wanted === null || wanted?.includes(type) === true
    return [...types.keys()].filter(isRead).map((type): Ends => [buildNode('event', `${name}.${type}`), own])
  })
}
