// Commands at times that come again: a till that is closed each evening.
import { decider, events, every, schedule } from 'emaki'
import { z } from 'zod'

const At = z.object({ at: z.string() })
const Till = events('till', { Closed: At })
export const till = decider(Till, {
  initial: {},
  evolve: { Closed: state => state },
  commands: { close: At },
  internal: ['close'],
  decide: { close: (_, { at }) => Till.Closed({ at }) },
})

/** Closes the till each evening at ten. */
export const closing = schedule('closing', {
  every: every('0 22 * * *', { zone: 'Europe/Berlin' }),
  to: till,
  send: at => till.close('main', { at }),
})
