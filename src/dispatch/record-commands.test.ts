import { expect, test } from 'bun:test'
import type { Notice, Report } from '../ports/report/notice.ts'
import type { PendingCommand } from './pending-command.ts'
import { recordCommands } from './record-commands.ts'

test('a command that lost its stream to others is recorded with the number of times, also if it is accepted in the end', () => {
  const taken: Notice[] = []
  const report: Report = Object.assign((notice: unknown) => void taken.push(notice as Notice), { wants: () => true })
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  const pending = {
    ...{ decider: { name: 'account' }, command: { command: 'deposit' }, stream: 'account-a1', actor: 'ann', parent: null },
    ...{ meta: { correlation: 'c1', causation: 'c1', traceparent }, attempts: 2 },
    // The observer reads no more of it.
  } as unknown as PendingCommand
  const accepted = { outcome: 'accepted', stream: 'account-a1', version: 1, position: 1, events: [] } as const
  const { ended } = recordCommands(report)
  ended(pending, accepted)
  ended({ ...pending, attempts: 0 }, accepted)
  ended({ ...pending, attempts: 0 }, null)
  expect(taken.map(({ level, code, message, fields }) => ({ level, code, message, fields }))).toEqual([
    {
      level: 'debug',
      code: 'command-retried',
      message: 'account.deposit of account-a1 lost its stream to others 2 times.',
      fields: {
        ...{ command: 'account.deposit', stream: 'account-a1', correlation: 'c1', actor: 'ann', traceId: 'a'.repeat(32) },
        attempts: 2,
      },
    },
  ])
})
