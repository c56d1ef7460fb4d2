// The port to tracing: name a step and run it. Without tracing, a step is only run.

/** A place in a trace, by its W3C headers, which continue the trace elsewhere. */
export type TraceContext = { readonly traceparent: string; readonly baggage?: string | undefined }

/** The steps of the paths. */
export type StepName =
  | 'dispatch'
  | 'load'
  | 'prepare'
  | 'decide'
  | 'append'
  | 'publish'
  | 'process'
  | 'relay'
  | 'send'
  | 'query'
  | 'statement'
  | 'cache'
export type Attributes = Readonly<Record<string, string | number>>

export interface Trace {
  /** Whether anybody sees the steps. If not, parents need not be read. */
  readonly isRecording: boolean
  /** The place of the caller; null when nothing is recorded. */
  current(): TraceContext | null
  /**
   * Runs a step on behalf of the callers that wait for it: the first is its parent, the others are linked. The step
   * ends when its promise settles. `root`: nobody waits for it, so it begins a trace of its own, linked to all.
   */
  step<T>(
    name: StepName,
    parents: readonly (TraceContext | null)[],
    attributes: Attributes,
    run: () => T,
    relation?: 'child' | 'root',
  ): T
}

/** A trace that records nothing. */
export const untraced: Trace = { isRecording: false, current: () => null, step: (_name, _parents, _attributes, run) => run() }
