// What happens next on virtual time: a binary heap by time, and in the order in which it was scheduled.
type Act<World> = (world: World) => void
type Entry<World> = { readonly at: number; readonly order: number; readonly act: Act<World> }

export class Schedule<World> {
  #now: number
  #order: number
  readonly #heap: Entry<World>[]

  constructor(begin: number, past: Schedule<World> | null) {
    this.#now = past ? past.#now : begin
    this.#order = past ? past.#order : 0
    this.#heap = past ? [...past.#heap] : []
  }

  /** In ms since 1970. */
  get now(): number {
    return this.#now
  }

  after(ms: number, act: Act<World>): void {
    this.at(this.#now + ms, act)
  }

  at(time: number, act: Act<World>): void {
    const heap = this.#heap
    let place = heap.push({ at: Math.max(time, this.#now), order: this.#order++, act }) - 1
    for (let parent = (place - 1) >> 1; place > 0 && isBefore(heap[place]!, heap[parent]!); parent = (place - 1) >> 1) {
      this.#swap(place, parent)
      place = parent
    }
  }

  runUntil(until: number, world: World): void {
    while (this.#heap.length && this.#heap[0]!.at < until) {
      const { at, act } = this.#take()
      this.#now = at
      act(world)
    }
    this.#now = until
  }

  #take(): Entry<World> {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    heap[0] = last
    for (let place = 0; ; ) {
      const children = [2 * place + 1, 2 * place + 2].filter(child => child < heap.length)
      const [least] = children.toSorted((one, other) => (isBefore(heap[one]!, heap[other]!) ? -1 : 1))
      if (least === undefined || !isBefore(heap[least]!, heap[place]!)) return first
      this.#swap(place, least)
      place = least
    }
  }

  #swap(one: number, other: number): void {
    const kept = this.#heap[one]!
    this.#heap[one] = this.#heap[other]!
    this.#heap[other] = kept
  }
}

function isBefore(one: { readonly at: number; readonly order: number }, other: typeof one): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
