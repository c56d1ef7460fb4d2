// The check of every agenda before a write, so that all refuse the same.
import { DUE_MAX } from '../../definitions/process/timer.ts'
import { PageRefused } from '../read-model/page-refused.ts'
import { checkKey, checkText } from '../read-model/storable.ts'
import type { NewEntry } from './agenda.ts'

/** The largest command of an entry, in UTF-16 units of its JSON text. */
const COMMAND_LENGTH_MAX = 67_108_864

/** Throws PageRefused for an entry that some store cannot keep. */
export function checkEntry({ id, owner, key, timer, command, due, set }: NewEntry): void {
  checkKey(owner, id)
  for (const text of [owner, key, timer ?? '']) checkText(owner, text)
  if (!Number.isSafeInteger(due) || due < 0 || due > DUE_MAX)
    throw new PageRefused(`${owner}: ${id} is due at ${due}, which is no time in ms from 1970 to the year 9999`)
  if (!Number.isSafeInteger(set)) throw new PageRefused(`${owner}: ${id} was set at ${set}, which is no position`)
  if (command !== null && command.length > COMMAND_LENGTH_MAX)
    throw new PageRefused(`${owner}: the command of ${id} has more than ${COMMAND_LENGTH_MAX} characters`)
}
