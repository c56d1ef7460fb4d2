// The document as a whole.
import type { DeciderSpec } from '../../src/definitions/decider/decider.ts'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import type { QuerySpec } from '../../src/definitions/query.ts'
import { commonPaths } from './common.ts'
import { deciderPaths } from './decider.ts'
import { projectionPaths } from './projection.ts'
import { queryPaths } from './query.ts'
import { problemSchema, refusals } from './refusals.ts'
import { add, type Json } from './schemas.ts'
import { type Draft, headers, type Paths, parameters } from './shared.ts'

/** What has paths of its own. */
export type Documented = DeciderSpec | ProjectionSpec | QuerySpec

/** The document. `security`: what is asked of who reads streams. */
export function documentOf(
  definitions: readonly Documented[],
  { title = 'Emaki', version = '0.0.0' }: { readonly title?: string; readonly version?: string },
  security: readonly Json[],
): Json {
  const draft: Draft = { schemas: new Map(), ids: new Set() }
  add(draft.schemas, 'Problem', problemSchema())
  const hasCommands = definitions.some(({ kind }) => kind === 'decider')
  const paths = Object.assign(
    {},
    ...definitions.map(one => pathsOf(one, draft)),
    commonPaths(draft, security, hasCommands),
  ) as Json
  return {
    openapi: '3.1.1',
    info: { title, version, description: ABOUT },
    servers: [{ url: '/' }],
    security: [],
    tags: [...definitions.map(({ name }) => ({ name })), ...TAGS],
    paths,
    components: {
      schemas: Object.fromEntries([...draft.schemas].map(([name, { schema }]) => [name, schema])),
      parameters,
      headers,
      responses: Object.fromEntries(Object.entries(refusals).map(([name, { response }]) => [name, response])),
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
  { name: 'streams', description: 'History.' },
  { name: 'commands', description: 'What is sent later.' },
  { name: 'events', description: 'What happens, as it happens.' },
  { name: 'health', description: 'For whoever keeps the app running.' },
  { name: 'problems', description: 'What an error means.' },
]

const ABOUT = `A command is posted to an instance. What it answers is durable, and tells what happened.

- \`ETag\` is the version of the instance's stream. Sent back as \`If-Match\`, the command counts only if nothing happened since.
- A command with an \`Idempotency-Key\` can be said again: it has one effect, and the same answer.
- \`Event-Position\` tells how far the log is in an answer. Sent on as \`Min-Position\`, the next answer is no older.
- What is refused is a problem (RFC 9457): \`type\` leads to what it means, and \`code\` says why a command was rejected.`
