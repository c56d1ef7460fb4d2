// The whole OpenAPI document.
import { type DeciderSpec, routedCommands } from '../../src/definitions/decider/decider.ts'
import { accessOf } from '../../src/definitions/access/access.ts'
import type { Allowed } from '../../src/definitions/access/allow.ts'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import type { QuerySpec } from '../../src/definitions/query.ts'
import { commonPaths } from './common.ts'
import { deciderPaths } from './decider.ts'
import { projectionPaths } from './projection.ts'
import { queryPaths } from './query.ts'
import { problemSchema, refusals } from './refusals.ts'
import { add, type Json } from './schemas.ts'
import { type Draft, headers, type Paths, parameters } from './shared.ts'

/** The definitions that have paths of their own. */
export type Documented = DeciderSpec | ProjectionSpec | QuerySpec

/** Where the app is mounted, and the credentials that reading streams needs there. */
export type DocumentPlace = { readonly base: string; readonly security: readonly Json[] }
type DocumentOptions = { readonly title?: string; readonly version?: string; readonly authorize?: readonly Allowed[] }

/** Makes the document. */
export function documentOf(
  definitions: readonly Documented[],
  { title = 'Emaki', version = '0.0.0', authorize }: DocumentOptions,
  { base, security }: DocumentPlace,
): Json {
  const draft: Draft = { base, schemas: new Map(), ids: new Set(), access: accessOf(authorize, definitions) }
  add(draft.schemas, 'Problem', problemSchema(base))
  const hasCommands = definitions.some(one => one.kind === 'decider' && routedCommands(one).length > 0)
  const paths = Object.assign(
    {},
    ...definitions.map(one => pathsOf(one, draft)),
    commonPaths(draft, security, hasCommands),
  ) as Json
  return {
    openapi: '3.1.1',
    info: { title, version, description: ABOUT },
    servers: [{ url: base || '/' }],
    security: [],
    tags: [...definitions.map(({ name }) => ({ name })), ...TAGS],
    paths,
    components: {
      schemas: Object.fromEntries([...draft.schemas].map(([name, { schema }]) => [name, schema])),
      parameters,
      headers,
      responses: Object.fromEntries(Object.entries(refusals).map(([name, { responseAt }]) => [name, responseAt(base)])),
      ...(security.length > 0 && { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } }),
    },
  }
}

function pathsOf(definition: Documented, draft: Draft): Paths {
  switch (definition.kind) {
    case 'decider':
      return deciderPaths(definition, draft)
    case 'projection':
      return projectionPaths(definition, draft)
    case 'query':
      return queryPaths(definition, draft)
  }
}

const TAGS = [
  { name: 'streams', description: 'The events of a stream.' },
  { name: 'commands', description: 'Commands that are sent later.' },
  { name: 'events', description: 'Events, as they are appended.' },
  { name: 'health', description: 'For the operators of the app.' },
  { name: 'problems', description: 'The meaning of errors.' },
]

const ABOUT = `A command is posted to an instance. The answer is durable, and contains the new events.

- \`ETag\` is the version of the instance's stream. Send it back as \`If-Match\`, and the command has an effect only if the stream has not changed since.
- A command with an \`Idempotency-Key\` can be sent again: it has one effect, and the same answer.
- \`Event-Position\` is the position of the log that an answer includes. Send it back as \`Min-Position\`, and the next answer is no older.
- An error is a problem document (RFC 9457): \`type\` leads to a page with its meaning, and \`code\` tells why a command was rejected.`
