// The port to tracing: name a step and run it. By default a step is only run.

/** A place in a trace, opaque to the core but for the W3C header that continues it elsewhere. */
export type TraceContext = { readonly traceparent: string }

/** A step of the paths; no others exist. */
export type StepName = 'load' | 'decide' | 'append' | 'publish' | 'process' | 'send' | 'query'
export type Attributes = Readonly<Record<string, string | number>>

export interface Trace {
  /** Where the caller is; null when nothing is recorded. */
  current(): TraceContext | null
  /** Runs a step on behalf of those who wait for it: the first is its parent, the rest are linked. It ends when its promise does. */
  step<T>(name: StepName, parents: readonly (TraceContext | null)[], attributes: Attributes, run: () => T): T
}

/** Records nothing. */
export const untraced: Trace = { current: () => null, step: (_name, _parents, _attributes, run) => run() }
