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
export { type Decided, decide, evolve } from './decide.ts'
export { checkSagaRun, type Fault, type SagaCase, type SagaRun, sagaCases } from './saga-cases.ts'
export { storedOfLine } from '../transfer/stored-line.ts'
