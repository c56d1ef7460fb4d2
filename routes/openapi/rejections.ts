// The answers to rejections that have a status or a title of their own.
import type { DeciderSpec } from '../../src/definitions/decider/decider.ts'
import type { RejectionAnswer } from '../../src/definitions/decider/rejections.ts'
import type { Slug } from '../http/problem.ts'
import { exampleOf, type ProblemExample, refusalResponse } from './refusals.ts'
import type { Json } from './schemas.ts'
import type { Draft } from './shared.ts'

type NamedAnswer = readonly [code: string, RejectionAnswer]

/** The problems that a command may have besides, by the status that a rejection shares with them. */
const OTHERS: Readonly<Record<RejectionAnswer['status'], readonly Slug[]>> = {
  403: ['forbidden', 'actor-refused'],
  404: ['stream-not-found'],
  409: ['version-conflict'],
  422: ['command-rejected', 'idempotency-key-reused'],
}

/** Adds the rejections of a decider to the responses of a command. */
export function withRejections({ rejections }: DeciderSpec, responses: Json, { base }: Draft): Json {
  const byStatus = Map.groupBy(rejections, ([, { status }]) => status)
  const own = [...byStatus].map(([status, answers]) => [status, responseOf(base, status, answers, status in responses)])
  return { ...responses, ...Object.fromEntries(own) }
}

function responseOf(base: string, status: RejectionAnswer['status'], answers: readonly NamedAnswer[], isShared: boolean): Json {
  const others = isShared ? OTHERS[status].map(exampleOf) : []
  return refusalResponse(base, status, [...answers.map(rejectionExample), ...others], ['Idempotency-Replayed'])
}

function rejectionExample([code, answer]: NamedAnswer): ProblemExample {
  return { name: code, slug: 'command-rejected', extension: { ...answer, code } }
}
