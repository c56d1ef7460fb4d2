import { isLate, type PendingCommand } from './pending-command.ts'

/** Commands that wait because another command with their key is under way. */
export class KeyLeaders {
  readonly #leaders = new Map<string, { readonly leader: PendingCommand; followers: PendingCommand[] }>()

  /** Lets a command wait if another one with its key is under way. False: it goes ahead. */
  follow(command: PendingCommand): boolean {
    if (!command.key) return false
    const found = this.#leaders.get(command.key.key)
    if (found) found.followers.push(command)
    else this.#leaders.set(command.key.key, { leader: command, followers: [] })
    return found !== undefined
  }

  /**
   * Ends a command, and gives those that waited for it. These ask the log for the key, and are decided if it is
   * unknown.
   */
  end(command: PendingCommand): readonly PendingCommand[] {
    const found = command.key && this.#leaders.get(command.key.key)
    if (found?.leader !== command) return []
    this.#leaders.delete(command.key!.key)
    return found.followers
  }

  /** Takes out the commands that have waited too long. */
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
