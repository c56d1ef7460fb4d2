// What a client may ask of commands that are sent later.
import { z } from 'zod'
import { refusalRefs } from './refusals.ts'
import { add, type Json } from './schemas.ts'
import { answer, parameterRefs, type Draft, headerRefs, unique } from './shared.ts'

/** The status of a command, and taking it back. */
export function scheduledPath(draft: Draft): Json {
  const status = add(draft.schemas, 'ScheduledCommand', scheduledSchema())
  return {
    get: {
      operationId: unique(draft, 'getCommand'),
      summary: 'What became of a command',
      description: 'Whether it is pending, and else its outcome, which is kept for 24 hours after its end.',
      tags: ['commands'],
      parameters: parameterRefs('CommandId'),
      responses: {
        200: answer('The command.', headerRefs('Event-Position', 'Retry-After', 'Link'), status),
        ...refusalRefs('CommandNotFound', 'Internal', 'Unavailable'),
      },
    },
    delete: {
      operationId: unique(draft, 'withdrawCommand'),
      summary: 'Take a command back',
      description: 'Only while it is pending.',
      tags: ['commands'],
      parameters: parameterRefs('CommandId'),
      responses: {
        204: answer('It is not sent.', headerRefs()),
        ...refusalRefs('CommandNotFound', 'CommandBegun', 'Internal', 'Unavailable'),
      },
    },
  }
}

export function scheduledSchema(): z.ZodType {
  const outcome = z.object({
    stream: z.string().optional(),
    version: z.int().nonnegative().optional(),
    position: z.int().nonnegative().optional(),
    events: z.array(z.object({ type: z.string(), data: z.unknown() })).optional(),
    code: z.string().optional().describe('Of a rejected command: why, for machines.'),
    data: z.unknown().optional().describe('Of a rejected command: what more the decision said.'),
    expected: z.union([z.int(), z.literal(['exists', 'any'])]).optional(),
    actual: z.int().nonnegative().optional(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  return z.object({
    id: z.string(),
    command: z.string().describe('As `order.place`.'),
    instance: z.string(),
    due: z.string().meta({ format: 'date-time' }),
    state: z.enum(['pending', 'begun', 'accepted', 'rejected', 'conflict', 'invalid', 'failed']),
    outcome: outcome.optional(),
    endedAt: z.string().meta({ format: 'date-time' }).optional(),
  })
}
