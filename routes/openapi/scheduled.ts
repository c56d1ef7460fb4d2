// The operations on commands that are sent later.
import { z } from 'zod'
import { expectedSchema, refusalRefs } from './refusals.ts'
import { add, type Json } from './schemas.ts'
import { answer, parameterRefs, type Draft, headerRefs, unique } from './shared.ts'

/** The operations that show the status of a command, and withdraw it. */
export function scheduledPath(draft: Draft): Json {
  const status = add(draft.schemas, 'ScheduledCommand', scheduledSchema())
  return {
    get: {
      operationId: unique(draft, 'getCommand'),
      summary: 'The outcome of a command',
      description: 'Whether the command is pending, or its outcome, which is kept for 24 hours. Only its caller finds it.',
      tags: ['commands'],
      parameters: parameterRefs('CommandId'),
      responses: {
        200: answer('The command.', headerRefs('Event-Position', 'Retry-After', 'Link'), status),
        ...refusalRefs('BadQuery', 'ActorRefused', 'CommandNotFound', 'Internal', 'Unavailable'),
      },
    },
    delete: {
      operationId: unique(draft, 'withdrawCommand'),
      summary: 'Withdraw a command',
      description: 'Only while it is pending, and only by its caller.',
      tags: ['commands'],
      parameters: parameterRefs('CommandId'),
      responses: {
        204: answer('The command is withdrawn, and will not be sent.', headerRefs()),
        ...refusalRefs('BadQuery', 'ActorRefused', 'CommandNotFound', 'CommandBegun', 'Internal', 'Unavailable'),
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
    code: z.string().optional().describe('The reason for a rejection, for programs.'),
    data: z.unknown().optional().describe('Details of a rejection.'),
    expected: expectedSchema().optional(),
    actual: z.int().nonnegative().optional(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  return z.object({
    id: z.string(),
    command: z.string().describe('The decider and the command, such as `order.place`.'),
    instance: z.string(),
    due: z.string().meta({ format: 'date-time' }),
    state: z.enum(['pending', 'begun', 'accepted', 'rejected', 'conflict', 'invalid', 'failed']),
    outcome: outcome.optional(),
    endedAt: z.string().meta({ format: 'date-time' }).optional(),
  })
}
