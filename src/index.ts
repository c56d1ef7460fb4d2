// The core: what users write, and what runs it without HTTP.

// Facts
export { type Event, type Events, events, type Meta, type Recorded, split } from './event/events.ts'
export type { CloudEvent } from './event/cloud-event.ts'
export { upcast } from './event/upcast.ts'
export { UnreadableEvent } from './event/read.ts'
export { PayloadError } from './event/payload.ts'
// Decisions
export { type Context, type Decider, decider } from './decider/decider.ts'
export type { Command } from './decider/command.ts'
export { type Rejection, reject } from './decider/reject.ts'
// Reading
export { type AnyProjection, type Projection, projection } from './projection/projection.ts'
export { type SqlProjection, sqlProjection, type Writing } from './projection/sql-projection.ts'
export type { Duration } from './event/duration.ts'
export { type CachePolicy, type Query, query, type Read, type Rows } from './query/query.ts'
export { type Handling, type Processor, processor } from './processor/processor.ts'
export { type MinPosition, StaleRead } from './answer/stale-read.ts'
// Acting
export { type AnyDecider, type Process, processManager } from './process/process.ts'
export { type SagaState, type SagaStep, saga } from './process/saga.ts'
export { after, at, cancel, type Timer } from './process/timer.ts'
export { type Inbox, inbox, type Taken } from './inbox/inbox.ts'
// Importing
export { type ImportMap, type Imported, importMap } from './transfer/import-map.ts'
// Running
export type { Served } from './definition.ts'
export { type Runtime, type RuntimeOptions, runtime } from './runtime.ts'
export type { SendOptions } from './dispatch/send.ts'
export type { StateAt } from './dispatch/state-at.ts'
export type { Status } from './subscription/status.ts'
export type { Outcome } from './dispatch/outcome.ts'
export type { AppendOutcome, AppendSlice } from './dispatch/append-request.ts'
// Ports
export { StoreError } from './store/errors.ts'
export type { StoredEvent } from './store/event.ts'
export type { Store } from './store/store.ts'
export { memory } from './store/memory.ts'
export type { Bus, Page } from './bus/bus.ts'
export { memoryBus } from './bus/memory.ts'
export { type Trace, type TraceContext, untraced } from './trace/trace.ts'
