// What leads to what, as the definitions tell it: a graph of commands, events and whatever reads or sends them.
import type { DeciderSpec } from './decider/decider.ts'
import { type Definition, definitionOf, type Served } from './definition.ts'
import { isDetector } from './detector/detector.ts'
import type { Families, TypesByCategory } from './event/families.ts'
import type { MeasureSpec } from './measure/spec.ts'

export type FlowNode = { readonly id: string; readonly kind: string; readonly name: string }
export type FlowEdge = { readonly from: string; readonly to: string }
/** Nodes and edges, each once and in the order of their ids. An edge names the ids of its ends. */
export type Flow = { readonly nodes: readonly FlowNode[]; readonly edges: readonly FlowEdge[] }

type Ends = readonly [from: FlowNode, to: FlowNode]

/** The flow of an app. A definition that is tied to no other is a node, too. */
export function buildFlow(serve: readonly Served[]): Flow {
  const definitions = serve.map(definitionOf)
  const ends = definitions.flatMap(endsOf)
  const nodes = new Map([...definitions.map(nodeOf), ...ends.flat()].map(node => [node.id, node]))
  const edges = new Map(ends.map(([from, to]) => [JSON.stringify([from.id, to.id]), { from: from.id, to: to.id }]))
  return { nodes: sortByKey(nodes), edges: sortByKey(edges) }
}

/** A flow as a Mermaid flowchart. */
export function drawFlow({ nodes, edges }: Flow): string {
  const short = new Map(nodes.map(({ id }, i) => [id, `n${i}`]))
  const drawn = nodes.map(({ id, kind, name }) => `  ${short.get(id)}["${escapeText(`${kind} ${name}`)}"]`)
  const arrows = edges.map(({ from, to }) => `  ${short.get(from)} --> ${short.get(to)}`)
  return ['flowchart LR', ...drawn, ...arrows].join('\n')
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

function nodeOf(definition: Definition): FlowNode {
  return buildNode(isDetector(definition) ? 'detector' : definition.kind, definition.name)
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
    case 'process':
      return [...readEnds(own, definition.families, typesOf(definition.handledTypes)), ...sentEnds(own, definition.to)]
    default:
      return readEnds(own, definition.families, definition.filter)
  }
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
