// For the tests of users: the possible faults of a saga, and the decisions that a changed process would make
// differently.
export { type AnyProcess, type DecidedBy, type DecidedStep, type Decision, decisionsOf } from '../definitions/process/replay.ts'
export {
  type Compared,
  compareProcesses,
  compareWithLog,
  type Difference,
  gateText,
  type Led,
} from '../definitions/process/replay-gate.ts'
export { any, type AnyOptions } from './arbitraries/any.ts'
export type { Own } from './arbitraries/schema-arbitrary.ts'
export { type Decided, decide, evolve } from './decide.ts'
export { forAll, type ForAllOptions, PropertyFailed } from './for-all.ts'
export { load, type LoadOptions, type LoadReport, type StepReport } from './load/load.ts'
export type { Journey, LoadUser, StepAnswer } from './load/user.ts'
export { checkSagaRun, type Fault, type SagaCase, type SagaRun, sagaCases } from './saga-cases.ts'
export { storedOfLine } from '../transfer/stored-line.ts'
export {
  accepted,
  answers,
  cancels,
  due,
  ends,
  failed,
  fired,
  happened,
  invalid,
  refused,
  rejected,
  row,
  state,
  wants,
} from './specs/expected.ts'
export { given } from './specs/given.ts'
export { of } from './specs/past.ts'
export { type AnySpec, Spec, SpecFailed, verify } from './specs/spec.ts'
export { type ComparedSide, type CompareOptions, type SpeedComparison, compare } from './speed/compare.ts'
export type { BenchFigure } from './speed/measure-bench.ts'
export { CompareError } from './speed/refusal.ts'
export type { SpeedLook, SpeedVerdict } from './speed/verdict.ts'
