// The checks that readiness depends on.
import { z } from 'zod'

const PASSED_OVER = 'How many facts found no instance of the process and began none, since this process runs it.'

const count = z.int().nonnegative()
const ANY_STATUS = z.enum(['pass', 'warn', 'fail'])

/** What only `?verbose` tells of each part. */
const PAST = {
  since: z.string().meta({ format: 'date-time' }).optional().describe('Verbose: since when this process sees it in this state.'),
  lastError: z
    .object({
      at: z.string().meta({ format: 'date-time' }),
      code: z.string(),
      message: z.string(),
      since: z.string().meta({ format: 'date-time' }).optional().describe('The first failure of what is tried again and again.'),
      failures: count.optional().describe('How often it failed in a row.'),
    })
    .optional()
    .describe('Verbose: the last warning or error about it in this process.'),
}

/** The schema of the checks: the store, all subscriptions, and the checks of the app. */
export function checks(): z.ZodType {
  const reader = readerCheck()
  const readers = z.array(reader).optional()
  return z.object({
    store: z.array(storeCheck()),
    projections: readers,
    processors: readers,
    sqlProjections: readers,
    processes: z.array(reader.extend({ passedOver: count.describe(PASSED_OVER) })).optional(),
    schedules: z.array(reader.partial(COUNTS)).optional(),
    own: z.array(ownCheck()).optional().describe('The checks of the app.'),
    log: z
      .array(partCheck({ head: count, id: z.string(), epoch: count }))
      .optional()
      .describe('Verbose: the log.'),
    agenda: z
      .array(partCheck({ pending: count, timers: count, due: count }))
      .optional()
      .describe('Verbose: the commands and timers that wait, by who sends them.'),
    promises: z
      .array(partCheck({ breaches: count.describe('How many are kept until somebody has mended them.') }))
      .optional()
      .describe('Verbose: the promises, each with the breaches that somebody has found.'),
    caches: z.array(partCheck({})).optional().describe('Verbose: the caches of answers.'),
  })
}
const COUNTS = {
  position: true,
  lagEvents: true,
  lagSeconds: true,
  parkedKeys: true,
  parkedStreams: true,
  retrying: true,
} as const

function storeCheck() {
  return z.object({
    componentType: z.literal('datastore'),
    status: z.enum(['pass', 'fail']),
    system: z.enum(['memory', 'sqlite', 'postgresql']),
    ...PAST,
  })
}

function readerCheck() {
  return z.object({
    componentType: z.literal('component'),
    status: ANY_STATUS.describe(
      '`warn`: something of it is parked, tried again or paused. `fail`: it has no rows yet that it may serve.',
    ),
    name: z.string(),
    position: count,
    lagEvents: count.describe('The most events of the log that it has not read yet.'),
    lagSeconds: z.number().nonnegative().describe('The age of the first of these events, in seconds.'),
    parkedKeys: count.describe('How many keys have stopped at an event that could not be handled.'),
    parkedStreams: count.describe('How many streams have stopped, because the keys of their events are not known.'),
    retrying: count.describe('How many keys and streams are being tried again.'),
    isPaused: z.literal(true).optional().describe('Somebody has paused it, until it is resumed.'),
    failure: z.string().optional().describe('Why this process, which runs it, cannot go on for now.'),
    subscription: z.string().optional().describe('Verbose: its name for the command line.'),
    isOwner: z.boolean().optional().describe('Verbose: whether this process runs it.'),
    ...PAST,
  })
}

function ownCheck() {
  return partCheck({
    isRequired: z.boolean().optional().describe('Verbose: whether readiness depends on it.'),
    error: z.string().optional().describe('Verbose: why it fails.'),
  })
}

function partCheck<T extends z.ZodRawShape>(more: T) {
  return z.object({ componentType: z.literal('component'), status: ANY_STATUS, name: z.string(), ...PAST, ...more })
}

/** The schema of what fails now in a process and is tried again and again. */
export function openFailures(): z.ZodType {
  const failure = z.object({
    what: z.string(),
    since: z.string().meta({ format: 'date-time' }),
    error: z.string().describe('The latest one.'),
    errorAt: z.string().meta({ format: 'date-time' }),
    failures: count.describe('How often it has failed since it last succeeded.'),
    fields: z.record(z.string(), z.unknown()),
  })
  return z.array(failure).optional().describe('Verbose: what fails now in this process and is tried again and again.')
}

/** The schema of what stands still, and of what stood still lately. */
export function stallEpisodes(): z.ZodType {
  const time = () => z.string().meta({ format: 'date-time' })
  const stall = z.object({
    cause: z.string().describe('A stable name: lock-idle, handler.'),
    subject: z.string().describe('`log`, `process`, or the name of a subscription or a schedule.'),
    sentence: z.string(),
    since: time(),
    ended: time().nullable().describe('Null: it goes on.'),
    times: z.int().positive().describe('How often it was seen.'),
    mend: z.string(),
    chain: z.array(z.record(z.string(), z.unknown())).describe('Who blocks whom: first the session that all others wait for.'),
  })
  return z.array(stall).optional().describe('Verbose: what stands still, and what stood still lately.')
}

/** The schema of the answer of a node that is ready. */
export function readyAnswer(): z.ZodType {
  return z.object({
    status: z.enum(['pass', 'warn']).describe('`warn`: see `parked`, and the checks.'),
    parked: z.array(z.string()).optional().describe('The subscriptions that have parked keys or streams.'),
    checks: checks(),
    failing: openFailures(),
    stalls: stallEpisodes(),
  })
}
