// The operations of a decider, and their answers.
import { z } from 'zod'
import { type DeciderSpec, routedCommands } from '../../src/definitions/decider/decider.ts'
import { add, componentOf, type Json, addComponent } from './schemas.ts'
import { refusalRefs, ruleRefs } from './refusals.ts'
import { withRejections } from './rejections.ts'
import { scheduledSchema } from './scheduled.ts'
import { answer, parameterRefs, type Draft, headerRefs, type Paths, pascal, unique } from './shared.ts'

/** The operations of a decider: each command to an instance, the state if it is exposed, each command with a new id. */
export function deciderPaths(decider: DeciderSpec, draft: Draft): Paths {
  const { name, expose } = decider
  const state = expose && add(draft.schemas, pascal(name), expose)
  const routed = routedCommands(decider)
  const accepted = routed.length ? acceptedOf(decider, draft, state) : {}
  const commands = routed.map(([command, schema]) => commandOf(decider, command, schema, draft))
  return Object.fromEntries([
    ...commands.map(command => [`/${name}/{id}/${command.name}`, { post: namedOperation(command, accepted, draft) }]),
    ...(state ? [[`/${name}/{id}`, { get: stateOperation(name, state, draft) }]] : []),
    ...commands.map(command => [`/${name}/${command.name}`, { post: newIdOperation(command, accepted, draft) }]),
  ])
}

type CommandOperation = { readonly name: string; readonly decider: DeciderSpec; readonly shared: Json }

function commandOf(decider: DeciderSpec, name: string, schema: z.ZodType, { schemas }: Draft): CommandOperation {
  const body = add(schemas, pascal(name) + pascal(decider.name), schema, 'input')
  const shared = {
    ...(schema.description !== undefined && { description: schema.description }),
    tags: [decider.name],
    requestBody: { required: !isOptional(componentOf(schemas, body)), content: { 'application/json': { schema: body } } },
  }
  return { name, decider, shared }
}

/** A command to the instance that the path names. */
function namedOperation({ name, decider, shared }: CommandOperation, accepted: Json, draft: Draft): Json {
  return {
    operationId: unique(draft, name + pascal(decider.name)),
    summary: words(name),
    ...shared,
    parameters: parameterRefs('Id', 'IfMatch', 'IfNoneMatch', ...SAID),
    responses: withRejections(
      decider,
      {
        ...answers(accepted, draft),
        ...refusalRefs('VersionConflict', 'PreconditionFailed'),
        ...ruleRefs(draft.access.command(decider.name, name), 'StreamNotFound'),
      },
      draft,
    ),
  }
}

/** A command to a new instance. The app makes its id. */
function newIdOperation({ name, decider, shared }: CommandOperation, accepted: Json, draft: Draft): Json {
  return {
    operationId: unique(draft, `${name}New${pascal(decider.name)}`),
    summary: `${words(name)}, with a new id`,
    ...shared,
    parameters: parameterRefs(...SAID),
    responses: withRejections(
      decider,
      { ...answers(accepted, draft), ...ruleRefs(draft.access.command(decider.name, name), 'StreamNotFound') },
      draft,
    ),
  }
}
const SAID = ['IdempotencyKey', 'Prefer', 'ScheduleAt', 'CorrelationId', 'CausationId', 'TraceParent', 'Baggage'] as const

function answers(accepted: Json, { schemas }: Draft): Json {
  const headers = ['ETag', 'Event-Position', 'Idempotency-Replayed', 'Preference-Applied'] as const
  return {
    200: answer('Accepted and durable.', headerRefs(...headers), accepted),
    201: answer('Accepted and durable. The command created the stream.', headerRefs(...headers, 'Location'), accepted),
    202: answer(
      'Stored, to be sent later.',
      headerRefs('Location', 'Preference-Applied'),
      add(schemas, 'ScheduledCommand', scheduledSchema()),
    ),
    204: answer('Accepted and durable. The answer to `Prefer: return=minimal`.', headerRefs(...headers)),
    ...refusalRefs(
      'BadCommand',
      'ActorRefused',
      'PayloadTooLarge',
      'UnsupportedMediaType',
      'Rejected',
      'Internal',
      'Unconfirmed',
      'StorageFull',
    ),
  }
}

function stateOperation(name: string, state: Json, draft: Draft): Json {
  return {
    operationId: unique(draft, `get${pascal(name)}`),
    summary: 'State',
    description: 'The state now, confirmed with the log, or the state at a version or a time.',
    tags: [name],
    parameters: parameterRefs('Id', 'Version', 'At', 'Cached'),
    responses: {
      200: answer('The state.', headerRefs('ETag', 'Event-Position'), state),
      304: answer('The client already has the state.', headerRefs('ETag', 'Event-Position')),
      ...refusalRefs('BadQuery', 'StreamNotFound', 'Internal', 'Unavailable'),
      ...ruleRefs(draft.access.state(name), 'StreamNotFound'),
    },
  }
}

/** The answer to an accepted command, with the events of this decider. */
function acceptedOf({ name, events }: DeciderSpec, { schemas }: Draft, state: Json | null): Json {
  const known = [...events.types].map(([type, { schema }]): [string, Json] => [
    type,
    add(schemas, pascal(name) + pascal(type), z.object({ type: z.literal(type), data: schema })),
  ])
  const mapping = Object.fromEntries(known.map(([type, { $ref }]) => [type, $ref]))
  const event = { oneOf: known.map(([, ref]) => ref), discriminator: { propertyName: 'type', mapping } }
  const properties = {
    id: { type: 'string' },
    stream: { type: 'string' },
    version: { type: 'integer', minimum: 0, description: 'The version of the stream after the command.' },
    position: { type: 'integer', minimum: 0, description: 'The position of the last event in the log.' },
    events: {
      type: 'array',
      items: addComponent(schemas, `${pascal(name)}Event`, event),
      description: 'Empty if there was nothing to do.',
    },
    ...(state && { state }),
  }
  const required = ['id', 'stream', 'version', 'position', 'events']
  return addComponent(schemas, `${pascal(name)}Accepted`, { type: 'object', properties, required })
}

/** Whether a command may come without a body, which counts as `{}`. */
function isOptional({ type, required }: Json): boolean {
  return type === 'object' && !(required as readonly string[] | undefined)?.length
}

/** Turns `confirmPayment` into `Confirm payment`. */
function words(name: string): string {
  const text = name.replaceAll(/_+|(?<=[a-z0-9])(?=[A-Z])/g, ' ').toLowerCase()
  return text.charAt(0).toUpperCase() + text.slice(1)
}
