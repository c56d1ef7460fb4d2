// The document as a whole.
import type { DeciderSpec } from '../../src/decider/decider.ts'
import { commonPaths } from './common.ts'
import { deciderPaths } from './decider.ts'
import { problemSchema, refusals } from './refusals.ts'
import { add, type Json } from './schemas.ts'
import { type Draft, headers, parameters } from './shared.ts'

/** The document. `security`: what is asked of who reads streams. */
export function documentOf(
  deciders: readonly DeciderSpec[],
  { title = 'Emaki', version = '0.0.0' }: { readonly title?: string; readonly version?: string },
  security: readonly Json[],
): Json {
  const draft: Draft = { schemas: new Map(), ids: new Set() }
  add(draft.schemas, 'Problem', problemSchema())
  const paths = Object.assign({}, ...deciders.map(decider => deciderPaths(decider, draft)), commonPaths(draft, security)) as Json
  return {
    openapi: '3.1.1',
    info: { title, version, description: ABOUT },
    servers: [{ url: '/' }],
    security: [],
    tags: [...deciders.map(({ name }) => ({ name })), ...TAGS],
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

const TAGS = [
  { name: 'streams', description: 'History.' },
  { name: 'events', description: 'What happens, as it happens.' },
  { name: 'health', description: 'For whoever keeps the app running.' },
  { name: 'problems', description: 'What an error means.' },
]

const ABOUT = `A command is posted to an instance. What it answers is durable, and tells what happened.

- \`ETag\` is the version of the instance's stream. Sent back as \`If-Match\`, the command counts only if nothing happened since.
- A command with an \`Idempotency-Key\` can be said again: it has one effect, and the same answer.
- What is refused is a problem (RFC 9457): \`type\` leads to what it means, and \`code\` says why a command was rejected.`
