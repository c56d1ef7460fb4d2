// Runs a process manager: folds its instances like rows, writes their changes to the agenda in the same transaction,
// and has them sent.
import { verbCommand } from '../lib/verb-command.ts'
import {
  type AgendaChange,
  type ProcessInstance,
  instancesOf,
  splitOutbox,
  subscriptionOf,
  timerChanges,
  withoutOutbox,
} from '../definitions/process/instance.ts'
import type { ProcessSpec } from '../definitions/process/process.ts'
import { tableOf } from '../definitions/projection/projection.ts'
import type { NewAgenda, NewEntry } from '../ports/agenda/agenda.ts'
import type { Lease } from '../ports/read-model/leases.ts'
import type { Table } from '../ports/read-model/tables.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import type { Consumer, PageGuard } from './consumer.ts'
import type { Outbox, SavedRow } from './projector/outbox.ts'
import { Projector } from './projector/projector.ts'
import { ReplayedTimers } from './replayed-timers.ts'

/** Sends an owner's entries of the agenda while this process has the lease on its subscription. */
export type AgendaSender = {
  readonly start: () => Promise<void>
  /** Takes entries that have just become durable. */
  readonly enqueue: (entries: readonly NewEntry[]) => void
  /** Resolves when nothing is being sent any more. */
  readonly stop: () => Promise<void>
}

export type ProcessManagerRunnerOptions = {
  readonly sender: AgendaSender
  readonly leaseMs: number
  readonly report: Report
}

/** How much is folded before it is written, in characters. */
const PENDING_MAX = 524_288

export class ProcessManagerRunner implements Consumer {
  readonly #store: Store
  readonly #process: ProcessSpec
  readonly #table: Table
  readonly #projector: Projector
  readonly #sender: AgendaSender
  readonly #leaseMs: number
  readonly #report: Report
  /** The instances that are stuck, of which each was reported. */
  readonly #stuck = new Set<string>()
  #passedOver = 0
  /** While instances are folded again. */
  #replayed: ReplayedTimers | null = null
  readonly handle: Consumer['handle']
  readonly save: Consumer['save']
  readonly hasParked: Consumer['hasParked']
  readonly retryParked: Consumer['retryParked']

  constructor(store: Store, process: ProcessSpec, { sender, leaseMs, report }: ProcessManagerRunnerOptions) {
    const projection = instancesOf(process)
    this.#store = store
    this.#process = process
    this.#sender = sender
    this.#leaseMs = leaseMs
    this.#report = report
    this.#table = { name: tableOf(projection), indexes: [] }
    // Rows of this table are instances.
    const outbox: Outbox = {
      splitRow: (key, row) => this.#splitRow(key, row as ProcessInstance),
      dropChanges: (row, position) => withoutOutbox(row as ProcessInstance, position),
      toAgenda: changes => this.#toAgenda(changes),
      onSaved: (agenda, rows) => this.#onSaved(agenda, rows),
    }
    this.#projector = new Projector(store, projection, this.#table, null, { report, outbox })
    this.handle = this.#projector.handle
    this.save = this.#projector.save
    this.hasParked = this.#projector.hasParked
    this.retryParked = this.#projector.retryParked
  }

  begin = async (lease: Lease): Promise<void> => {
    const { readModel } = this.#store
    await readModel.prepare([this.#table])
    // Another version may have moved on since these instances were written, so they are folded again, up to its
    // checkpoint.
    if ((await readModel.serving(lease.name)) !== this.#table.name) await this.#replay(lease)
    await this.#projector.begin(lease)
    await this.#sender.start()
  }

  /** How many facts found no instance, since this object runs the process. */
  get passedOver(): number {
    return this.#passedOver
  }

  end = (): Promise<void> => this.#sender.stop()

  /**
   * The pending size, with a small bound: commands are sent while the next pages are folded, and should not wait for
   * many events.
   */
  pendingSize = (): number | null => {
    const pending = this.#projector.pendingSize()
    return pending !== null && pending > PENDING_MAX ? Number.POSITIVE_INFINITY : pending
  }

  async #replay({ name, epoch, position }: Lease): Promise<void> {
    const { readModel, agenda } = this.#store
    const guard: PageGuard = { name, epoch, from: position, to: position, ttlMs: this.#leaseMs }
    const [progress] = await readModel.progress([name])
    const start = progress?.start ?? 0
    await readModel.drop(this.#table.name)
    await readModel.prepare([this.#table])
    const replayed = await ReplayedTimers.read(agenda, name)
    this.#replayed = replayed
    try {
      if (position > start && !(await this.#projector.replay(guard, start))) throw new Error(`${name} was taken over`)
    } finally {
      this.#replayed = null
    }
    await replayed.removeOthers()
    if (replayed.left > 0) this.#reportLeft(replayed.left)
    await readModel.serve(name, this.#table.name)
  }

  #splitRow(key: string, row: ProcessInstance): ReturnType<Outbox['splitRow']> {
    const { instance, changes, passed } = splitOutbox(row)
    if (!this.#replayed) return { row: instance, changes, passed }
    return { row: instance, changes: this.#replayed.keep(timerChanges(this.#process, key, instance)), passed: 0 }
  }

  #onSaved({ add }: NewAgenda, rows: readonly SavedRow[]): void {
    this.#sender.enqueue(add)
    for (const { key, row, passed } of rows) {
      this.#passedOver += passed
      this.#reportStuck(key, row as ProcessInstance | null)
    }
  }

  #reportLeft(timers: number): void {
    const { name, version } = this.#process
    const message = `${name}: version ${version} has ${timers} timers that are new and would be due already. They were not set.`
    this.#report(new Notice({ level: 'info', code: 'timers-left', message, fields: { process: name, version, timers } }))
  }

  /** Reports an instance once when it gets stuck. */
  #reportStuck(key: string, instance: ProcessInstance | null): void {
    const { name, stuckBy } = this.#process
    const cause = instance && stuckBy(instance.state)
    if (cause === null) return void this.#stuck.delete(key)
    if (this.#stuck.has(key)) return
    this.#stuck.add(key)
    const verb = verbCommand('processes', 'resume', name, key)
    const message = `${name} ${key} is stuck: ${cause}. \`${verb}\` tries again; --skip takes it as done, --close ends the instance.`
    this.#report(new Notice({ level: 'warn', code: 'instance-stuck', message, fields: { process: name, key, cause } }))
  }

  /** Keeps the last change of each entry. */
  #toAgenda(changes: readonly AgendaChange[]): NewAgenda {
    const owner = subscriptionOf(this.#process)
    const last = new Map(changes.map(change => [change.id, change]))
    const add: NewEntry[] = []
    const remove: string[] = []
    for (const change of last.values()) {
      if ('isCancelled' in change) remove.push(change.id)
      else {
        const { id, key, timer, command, meta, due, set } = change
        add.push({ id, owner, key, timer, command: command && JSON.stringify(command), meta: JSON.stringify(meta), due, set })
      }
    }
    return { add, remove }
  }
}
