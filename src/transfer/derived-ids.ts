// Ids for facts that come without one. They come from the fact itself, so that the same fact has the same id again,
// whatever file it is in.

/** Gives the id of each fact: a UUID (version 8) of what it says, and of how many of the same came before it. */
export class DerivedIds {
  readonly #seen = new HashCounts()

  take(fact: readonly (string | undefined)[]): string {
    const text = JSON.stringify(fact.map(part => part ?? null))
    const nth = this.#seen.add(Bun.hash.xxHash64(text))
    const hash = new Bun.CryptoHasher('sha256').update(`${nth} ${text}`).digest('hex')
    return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`
  }
}

/** How much of the table may be full. */
const FULL = 0.6

/** Counts how often each hash was added. Takes 8 bytes a hash in a table, and more only for those added again. */
class HashCounts {
  #table = new BigUint64Array(65_536)
  #size = 0
  readonly #again = new Map<bigint, number>()

  /** Gives how often the hash was added before. */
  add(hash: bigint): number {
    // 0 marks a free place.
    const wanted = hash || 1n
    const place = this.#placeOf(wanted)
    if (this.#table[place] === wanted) {
      const nth = (this.#again.get(wanted) ?? 0) + 1
      this.#again.set(wanted, nth)
      return nth
    }
    this.#table[place] = wanted
    if (++this.#size > this.#table.length * FULL) this.#grow()
    return 0
  }

  /** The place of a hash, or the free place for it. */
  #placeOf(hash: bigint): number {
    const mask = this.#table.length - 1
    let place = Number(hash & BigInt(mask))
    while (this.#table[place] !== 0n && this.#table[place] !== hash) place = (place + 1) & mask
    return place
  }

  #grow(): void {
    const before = this.#table
    this.#table = new BigUint64Array(before.length * 2)
    for (const hash of before) if (hash !== 0n) this.#table[this.#placeOf(hash)] = hash
  }
}
