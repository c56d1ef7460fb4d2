import type { Span } from '@opentelemetry/api'
import type { Api } from './packages.ts'

/** Marks a span as failed. The type must have few values. Default: the name of the error. */
export function markFailed({ SpanStatusCode }: Api, span: Span, error: unknown, type: string = typeOf(error)): void {
  const exception = error instanceof Error || error === undefined ? error : String(error)
  if (exception) span.recordException(exception)
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR, ...(error instanceof Error && { message: error.message }) })
}

function typeOf(error: unknown): string {
  return error instanceof Error ? error.name : '_OTHER'
}
