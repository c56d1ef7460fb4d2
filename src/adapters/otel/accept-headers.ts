// The baggage that a trace begins with is the one that goes on without telemetry. A propagator alone is laxer.
import { acceptBaggage } from '../../ports/trace/accept-baggage.ts'

/** Leaves out of `baggage` what is malformed or too much. All other headers stay. */
export function acceptHeaders<T extends { readonly baggage?: string | undefined }>(headers: T): T {
  if (headers.baggage === undefined) return headers
  const { baggage = '' } = acceptBaggage(headers.baggage)
  return baggage === headers.baggage ? headers : { ...headers, baggage }
}
