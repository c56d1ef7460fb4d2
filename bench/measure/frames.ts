// Server-sent events, looked at as bytes: how many came, and whether their ids follow one another.

const ID = Buffer.from('id: ')
const EVENT = Buffer.from('\nevent: ')
const END = Buffer.from('\n\n')
const ZERO = 48

/** What one client has got. */
export class Frames {
  /** Events, without heartbeats. */
  count = 0
  /** Events that did not follow the one before by one. */
  wrong = 0
  #last: number | null = null
  #rest: Buffer | null = null

  /** `first` is the id of the first event there is. */
  constructor(first: number | null = null) {
    this.#last = first === null ? null : first - 1
  }

  take(bytes: Buffer): void {
    const all = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes
    let at = 0
    for (let end = all.indexOf(END, at); end >= 0; end = all.indexOf(END, at)) {
      this.#frame(all, at, end)
      at = end + END.length
    }
    // What is given is used again once this returns.
    this.#rest = at < all.length ? Buffer.from(all.subarray(at)) : null
  }

  #frame(all: Buffer, from: number, end: number): void {
    const event = all.indexOf(EVENT, from)
    if (event < 0 || event > end) return
    const id = idAt(all, all.indexOf(ID, from) + ID.length)
    if (this.#last !== null && id !== this.#last + 1) this.wrong++
    this.#last = id
    this.count++
  }
}

/** The position in an id; of one with an epoch, `2.17`, what stands behind it. */
function idAt(bytes: Buffer, from: number): number {
  let position = 0
  for (let i = from; bytes[i] !== 10 && i < bytes.length; i++) {
    const digit = bytes[i]! - ZERO
    position = digit < 0 ? 0 : position * 10 + digit
  }
  return position
}
