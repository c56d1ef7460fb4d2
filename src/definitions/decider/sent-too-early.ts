import type { Command } from './command.ts'

/** Asks for another attempt at a command after a time, because its decision said that it came too early. */
export class SentTooEarly extends Error {
  override readonly name = 'SentTooEarly'
  readonly code: string
  readonly afterMs: number

  constructor({ decider, command, id }: Command, code: string, afterMs: number) {
    super(`${decider}.${command} ${id} came too early (${code}), and is sent again after ${afterMs} ms`)
    this.code = code
    this.afterMs = afterMs
  }
}
