import { isLate, type PendingCommand } from './pending-command.ts'

/** Commands whose key is in use by a command that is under way: they wait for its end. */
export class KeyLeaders {
  readonly #leaders = new Map<string, { readonly leader: PendingCommand; followers: PendingCommand[] }>()

  /** Has a command wait if another with its key is under way; false: it goes ahead. */
  follow(command: PendingCommand): boolean {
    if (!command.key) return false
    const found = this.#leaders.get(command.key.key)
    if (found) found.followers.push(command)
    else this.#leaders.set(command.key.key, { leader: command, followers: [] })
    return found !== undefined
  }

  /** Ends a command; gives those that waited for it. They ask for themselves: the log knows the key by then, or they are decided. */
  end(command: PendingCommand): readonly PendingCommand[] {
    const found = command.key && this.#leaders.get(command.key.key)
    if (found?.leader !== command) return []
    this.#leaders.delete(command.key!.key)
    return found.followers
  }

  /** Takes out those that have waited too long. */
  takeLate(now: number): readonly PendingCommand[] {
    const late: PendingCommand[] = []
    for (const led of this.#leaders.values()) {
      if (!led.followers.some(command => isLate(command, now))) continue
      late.push(...led.followers.filter(command => isLate(command, now)))
      led.followers = led.followers.filter(command => !isLate(command, now))
    }
    return late
  }
}
