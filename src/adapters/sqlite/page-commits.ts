// Commits pages. Those that wait share a transaction, and a long one has a connection and many turns of its own.
import { limitConcurrency } from '../../lib/semaphore.ts'
import { nextTurn, Turn } from '../../lib/turns.ts'
import type { NewPage, NewRow } from '../../ports/read-model/progress.ts'
import type { LongPage } from './long-page.ts'
import type { PageOutcome } from './page-group.ts'

export type PageCommitsOptions = {
  /** Commits pages until its turn is over. Runs when the file is free. */
  readonly commitGroup: (pages: readonly NewPage[]) => Promise<readonly PageOutcome[]>
  /** Begins the transaction of a long page, when the file is free. */
  readonly beginLong: (page: NewPage) => Promise<LongPage>
  /** Converts an error of the file. */
  readonly convertError: (error: unknown) => unknown
}

type WaitingPage = { readonly page: NewPage } & Omit<PromiseWithResolvers<boolean>, 'promise'>

/** The most rows of a short page, and their data in characters. Others write beside it in the same turn. */
const SHORT_ROWS_MAX = 1_000
const SHORT_SIZE_MAX = 1_000_000
/** So many rows of a long page are written before the clock is read again. */
const ROWS_AT_ONCE = 100

export class PageCommits {
  readonly #options: PageCommitsOptions
  readonly #inTurn = limitConcurrency(1)
  #waiting: WaitingPage[] = []
  #isCommitting = false
  /** The long page that is being written. Whoever else writes waits for its end. */
  #long: Promise<unknown> | null = null

  constructor(options: PageCommitsOptions) {
    this.#options = options
  }

  get long(): Promise<unknown> | null {
    return this.#long
  }

  commit(page: NewPage): Promise<boolean> {
    return isLong(page.rows) ? this.#inTurn(() => this.#commitLong(page)) : this.#join(page)
  }

  #join(page: NewPage): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    this.#waiting.push({ page, resolve, reject })
    if (!this.#isCommitting) void this.#commitWaiting()
    return promise
  }

  /** Commits in the next turn of the event loop, so that the pages of this one join. */
  async #commitWaiting(): Promise<void> {
    this.#isCommitting = true
    while (this.#waiting.length) {
      await nextTurn()
      const group = this.#waiting
      this.#waiting = []
      try {
        const outcomes = await this.#options.commitGroup(group.map(({ page }) => page))
        this.#waiting.unshift(...group.slice(outcomes.length))
        for (const [i, outcome] of outcomes.entries()) this.#settle(group[i]!, outcome)
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#isCommitting = false
  }

  #settle({ resolve, reject }: WaitingPage, outcome: PageOutcome): void {
    if ('error' in outcome) reject(this.#options.convertError(outcome.error))
    else resolve(outcome.isWritten)
  }

  async #commitLong(page: NewPage): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>()
    try {
      using long = await this.#options.beginLong(page)
      this.#long = promise
      return long.isGuarded && (await writeInTurns(long, page))
    } catch (error) {
      throw this.#options.convertError(error)
    } finally {
      this.#long = null
      resolve()
      // Others that write come first.
      await nextTurn()
    }
  }
}

async function writeInTurns(long: LongPage, { rows }: NewPage): Promise<boolean> {
  const turn = new Turn()
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
    long.writeRows(rows.slice(i, i + ROWS_AT_ONCE))
    if (turn.isOver) await turn.next()
  }
  return long.commit()
}

function isLong(rows: readonly NewRow[]): boolean {
  if (rows.length > SHORT_ROWS_MAX) return true
  return rows.reduce((size, { data }) => size + (data?.length ?? 0), 0) > SHORT_SIZE_MAX
}
