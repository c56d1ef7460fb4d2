// Runs a process manager: folds its instances like rows, writes their changes to the agenda in the same transaction,
// and has them sent.
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
import type { Outbox } from './projector/outbox.ts'
import { Projector } from './projector/projector.ts'

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
      splitRow: (key, row, isReplayed) => this.#splitRow(key, row as ProcessInstance, isReplayed),
      dropChanges: (row, position) => withoutOutbox(row as ProcessInstance, position),
      toAgenda: changes => this.#toAgenda(changes),
      onSaved: ({ add }) => sender.enqueue(add),
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
    await readModel.drop(this.#table.name)
    await readModel.prepare([this.#table])
    await agenda.clearTimers(name)
    if (position > 0 && !(await this.#projector.replay(guard))) throw new Error(`${name} was taken over`)
    await readModel.serve(name, this.#table.name)
  }

  #splitRow(key: string, row: ProcessInstance, isReplayed: boolean): ReturnType<Outbox['splitRow']> {
    const { instance, changes } = splitOutbox(row)
    this.#reportStuck(key, instance)
    if (!isReplayed) return { row: instance, changes }
    return { row: instance, changes: instance ? timerChanges(this.#process, key, instance) : [] }
  }

  /** Reports an instance once when it gets stuck. */
  #reportStuck(key: string, instance: ProcessInstance | null): void {
    const { name, stuckBy } = this.#process
    const cause = instance && stuckBy(instance.state)
    if (cause === null) return void this.#stuck.delete(key)
    if (this.#stuck.has(key)) return
    this.#stuck.add(key)
    const verb = `processes resume ${name} ${key}`
    const message = `${name} ${key} is stuck: ${cause}. \`${verb}\` tries again; --skip takes the step as undone, --close ends it.`
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
