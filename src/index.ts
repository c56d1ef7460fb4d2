// The core: everything to write definitions, and to run them without HTTP.

// Facts
export type { CustomMeta } from './definitions/event/custom-meta.ts'
export { type Event, type Events, events, type Meta, type Recorded, split } from './definitions/event/events.ts'
export { isId } from './definitions/event/names.ts'
export type { CloudEvent } from './definitions/event/cloud-event.ts'
export { upcast } from './definitions/event/upcast.ts'
export { UnreadableEvent } from './definitions/event/read.ts'
export { PayloadError } from './definitions/event/payload.ts'
// Decisions
export { type Context, type Decider, decider } from './definitions/decider/decider.ts'
export type { Command } from './definitions/decider/command.ts'
export { type Rejection, reject } from './definitions/decider/reject.ts'
// Access
export {
  type Allowed,
  allow,
  type CommandAsk,
  type QueryAsk,
  type RowAsk,
  type Rule,
  type StateAsk,
  type Verdict,
} from './definitions/access/allow.ts'
export type { Caller, GivenCaller } from './definitions/access/caller.ts'
export type * from './definitions/access/claims.ts'
// Reading
export { type AnyProjection, type Projection, projection } from './definitions/projection/projection.ts'
export { type SqlProjection, sqlProjection, type Writing } from './definitions/projection/sql-projection.ts'
export { measure } from './definitions/measure/measure.ts'
export { measureRows } from './definitions/measure/measure-rows.ts'
export { measureTime } from './definitions/measure/measure-time.ts'
export type { Measure } from './definitions/measure/spec.ts'
export type { Duration } from './definitions/event/duration.ts'
export { type CachePolicy, type Query, query, type Read, type Rows } from './definitions/query.ts'
export { type Detector, detector } from './definitions/detector/detector.ts'
export { type Handling, type Processor, processor } from './definitions/processor.ts'
export type { MinPosition, Reads, StateAt } from './definitions/reads.ts'
export { StaleRead } from './query/stale-read.ts'
// Acting
export { type AnyDecider, type Process, processManager } from './definitions/process/process.ts'
export { type SagaStep, saga } from './definitions/process/saga.ts'
export type { SagaState } from './definitions/process/saga-state.ts'
export { after, at, cancel, type Timer } from './definitions/process/timer.ts'
export { every, type Recurrence } from './definitions/recurrence.ts'
export { type RecurringSchedule, schedule } from './definitions/schedule.ts'
export { type Inbox, inbox, type Taken } from './dispatch/inbox.ts'
// Importing
export { type ImportMap, type Imported, importMap } from './transfer/import-map.ts'
// Running
export type { Served } from './definitions/definition.ts'
export { type Runtime, type RuntimeOptions, runtime } from './runtime.ts'
export type { SendOptions } from './dispatch/send.ts'
export type { Parked } from './ports/read-model/parked.ts'
export type { FollowOptions } from './subscription/follow.ts'
export type { Status } from './subscription/status.ts'
export type { Outcome } from './dispatch/outcome.ts'
export type { AppendOutcome, AppendSlice } from './dispatch/append-request.ts'
// Ports
export { Notice, type NoticeFields, type Report } from './ports/report/notice.ts'
export { StoreError } from './ports/store/errors.ts'
export type { StoredEvent } from './ports/store/event.ts'
export type { Store } from './ports/store/store.ts'
export { memory } from './ports/store/memory.ts'
export type { Bus, Page } from './ports/bus/bus.ts'
export { memoryBus } from './ports/bus/memory.ts'
export { type Trace, type TraceContext, untraced } from './ports/trace/trace.ts'
