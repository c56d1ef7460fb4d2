// The consumer that runs a process: folds its instances as rows are folded, puts what they want into the agenda with them, and has it sent.
import { armedOf, hushed, type Instance, instancesOf, parted, subscriptionOf, type Wish } from '../process/instance.ts'
import type { ProcessSpec } from '../process/process.ts'
import { tableOf } from '../projection/projection.ts'
import type { NewAgenda, NewEntry } from '../read-model/agenda.ts'
import type { Lease, Table } from '../read-model/read-model.ts'
import type { Store } from '../store/store.ts'
import { Projector } from './projector.ts'
import type { Consumer, Guard } from './subscription.ts'

/** What sends an owner's entries of the agenda while this process has the lease on it. */
export type Sender = {
  readonly start: () => Promise<void>
  /** Takes entries that have just become durable. */
  readonly enqueue: (entries: readonly NewEntry[]) => void
  /** Resolves when nothing is being sent any more. */
  readonly stop: () => Promise<void>
}

/** What is folded before it is written, in characters. */
const PENDING_MAX = 524_288

export class Reactor implements Consumer {
  readonly #store: Store
  readonly #process: ProcessSpec
  readonly #table: Table
  readonly #projector: Projector
  readonly #sender: Sender
  readonly #leaseMs: number

  constructor(store: Store, process: ProcessSpec, sender: Sender, leaseMs: number) {
    const projection = instancesOf(process)
    this.#store = store
    this.#process = process
    this.#sender = sender
    this.#leaseMs = leaseMs
    this.#table = { name: tableOf(projection), indexes: [] }
    this.#projector = new Projector(store, projection, this.#table, null, {
      emitter: {
        // Rows of this table are instances.
        taken: (key, row, isReplayed) => this.#taken(key, row as Instance, isReplayed),
        hushed: (row, position) => hushed(row as Instance, position),
        agenda: wishes => this.#agenda(wishes),
        kept: ({ add }) => sender.enqueue(add),
      },
    })
  }

  begin = async (lease: Lease): Promise<void> => {
    const { readModel } = this.#store
    const of = subscriptionOf(this.#process)
    await readModel.prepare([this.#table])
    // States that another version has moved on are not ours: they are made anew, up to where it stopped.
    if ((await readModel.serving(of)) !== this.#table.name) await this.#replayed(lease)
    await this.#projector.begin(lease)
    await this.#sender.start()
  }

  end = (): Promise<void> => this.#sender.stop()

  get take(): Consumer['take'] {
    return this.#projector.take
  }
  /** What it wants is sent while the next pages are folded, so it waits for no more than is worth a page. */
  pending = (): number | null => {
    const pending = this.#projector.pending()
    return pending !== null && pending > PENDING_MAX ? Number.POSITIVE_INFINITY : pending
  }
  get save(): Consumer['save'] {
    return this.#projector.save
  }
  get isTended(): Consumer['isTended'] {
    return this.#projector.isTended
  }
  get tend(): Consumer['tend'] {
    return this.#projector.tend
  }

  async #replayed({ name, epoch, position }: Lease): Promise<void> {
    const { readModel, agenda } = this.#store
    const guard: Guard = { name, epoch, from: position, to: position, ttlMs: this.#leaseMs }
    await readModel.drop(this.#table.name)
    await readModel.prepare([this.#table])
    await agenda.clearTimers(name)
    if (position > 0 && !(await this.#projector.replay(guard))) throw new Error(`${name} was taken over`)
    await readModel.serve(name, this.#table.name)
  }

  #taken(
    key: string,
    instance: Instance,
    isReplayed: boolean,
  ): { readonly row: object | null; readonly wishes: readonly Wish[] } {
    const { kept, wishes } = parted(instance)
    return { row: kept, wishes: isReplayed ? (kept ? armedOf(this.#process, key, kept) : []) : wishes }
  }

  /** What was wanted last of each entry. */
  #agenda(wishes: readonly Wish[]): NewAgenda {
    const owner = subscriptionOf(this.#process)
    const last = new Map(wishes.map(wish => [wish.id, wish]))
    const add: NewEntry[] = []
    const remove: string[] = []
    for (const wish of last.values()) {
      if ('isCancelled' in wish) remove.push(wish.id)
      else {
        const { id, key, timer, command, meta, due, set } = wish
        add.push({ id, owner, key, timer, command: command && JSON.stringify(command), meta: JSON.stringify(meta), due, set })
      }
    }
    return { add, remove }
  }
}
