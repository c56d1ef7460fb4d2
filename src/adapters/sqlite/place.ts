// Watches the place of an open file. SQLite holds its files open, and goes on writing to them wherever they are moved.
// Under another name, or with another write-ahead log beside it, a file does not have what was committed here.
import { accessSync, constants, existsSync, readFileSync, type Stats, statSync } from 'node:fs'
import { StoreError } from '../../ports/store/errors.ts'

/** Where a commit is written: the file, and its write-ahead log. */
const WRITTEN = ['', '-wal']
/** What SQLite and we keep beside a file, too. Without it, others are not kept out. */
const ALL = [...WRITTEN, '-shm', '-serving']

type Loss = { readonly message: string; readonly shown: string; readonly isFinal: boolean }

export class FilePlace {
  readonly #file: string
  readonly #real: string
  /** Which file is at each path. */
  readonly #known = new Map<string, string>()
  #loss: Loss | null = null

  /** `file`: the path as it was given; `real`: the path that it leads to. */
  constructor(file: string, real: string) {
    this.#file = file
    this.#real = real
    this.#look(ALL)
  }

  /** Throws a StoreError if the files were no longer in their place when they were last checked. */
  refuseLost(): void {
    if (this.#loss) throw this.#error('unavailable', this.#loss)
  }

  /**
   * Throws a StoreError unless all files are in their place and may be written. A file that was away does not come back:
   * somebody may have written to it under its other name.
   */
  check(): void {
    this.#look(ALL)
    this.refuseLost()
    for (const path of [this.#real, `${this.#real}-wal`]) accessSync(path, constants.W_OK)
  }

  /** Throws a StoreError if a write that was just committed may not be in the file. */
  confirmWrite(): void {
    this.#look(WRITTEN)
    if (this.#loss) throw this.#error('unknown', this.#loss)
  }

  #look(names: readonly string[]): void {
    if (!this.#loss?.isFinal) this.#loss = this.#findLoss(names)
  }

  #findLoss(names: readonly string[]): Loss | null {
    const found = this.#file === this.#real ? null : statSync(this.#file, { throwIfNoEntry: false })
    if (found !== null && this.#isOther(this.#real, found)) return MOVED
    for (const beside of names) {
      const path = `${this.#real}${beside}`
      const stats = statSync(path, { throwIfNoEntry: false })
      if (this.#isOther(path, stats)) return MOVED
      if (beside === '' && stats!.nlink > 1) return LINKED
    }
    return null
  }

  /** Whether another file than before is at a path, or none any more. */
  #isOther(path: string, stats: Stats | undefined): boolean {
    const known = this.#known.get(path)
    const found = stats && `${stats.dev}:${stats.ino}`
    if (known !== undefined) return found !== known
    if (found !== undefined) this.#known.set(path, found)
    return false
  }

  #error(reason: 'unavailable' | 'unknown', { message, shown }: Loss): StoreError {
    return new StoreError(reason, `${this.#file} ${message}`, { shown })
  }
}

const MOVED: Loss = {
  message:
    'was moved, deleted or replaced while it was open, or what is beside it (-wal, -shm, -serving): nothing more is written. ' +
    'Stop this process, put the file and its -wal back to where they were, and start again',
  shown: 'the file of the log was moved, deleted or replaced',
  isFinal: true,
}
const LINKED: Loss = {
  message: 'has a second name (a hard link), under which another process could serve it without being noticed: remove that name',
  shown: 'the file of the log has a second name',
  isFinal: false,
}

/** Throws a StoreError if a file may be served under another path too, with a write-ahead log of its own. */
export function refuseSharedFile(file: string, real: string): void {
  const stats = statSync(real)
  if (stats.isFile() && stats.nlink > 1) throw new StoreError('refused', `${file} ${LINKED.message}`, { shown: LINKED.shown })
  if (!mountPoints().includes(real)) return
  const shown = 'the file of the log is mounted by itself'
  throw new StoreError('refused', `${file} is mounted by itself: mount its folder, because SQLite keeps files beside it`, {
    shown,
  })
}

/** The paths at which something is mounted. None where the system does not tell. */
function mountPoints(): readonly string[] {
  const list = '/proc/self/mountinfo'
  if (!existsSync(list)) return []
  const decode = (path: string) => path.replaceAll(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8)))
  return readFileSync(list, 'utf8')
    .split('\n')
    .map(line => decode(line.split(' ')[4] ?? ''))
}
