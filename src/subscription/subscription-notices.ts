// What operators are told of one subscription.
import { verbCommand } from '../lib/verb-command.ts'
import type { Lease } from '../ports/read-model/leases.ts'
import { Notice } from '../ports/report/notice.ts'
import type { StopAsked } from './consumer.ts'

export function stopNotice(name: string, { position, key, reason }: StopAsked): Notice {
  const message =
    `${name} stops after the event at position ${position} of ${JSON.stringify(key)}, because its handler asked for it: ${reason}. ` +
    `\`${verbCommand('resume', name)}\` lets it go on.`
  return new Notice({ level: 'warn', code: 'processor-stopped', message, fields: { subscription: name, position, key, reason } })
}

export function takeoverNotice({ name, position, takeovers }: Lease): Notice {
  const message = `${name} goes on in this process from position ${position}: its last owner ended, or stood still, without giving it back.`
  return new Notice({ level: 'info', code: 'taken-over', message, fields: { subscription: name, position, takeovers } })
}
