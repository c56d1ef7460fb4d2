// What goes on of a header `baggage` of W3C.

/** What W3C asks everybody to pass on at least is what passes on here at most: characters, and members. */
export const BAGGAGE_SIZE_MAX = 8_192
export const BAGGAGE_MEMBERS_MAX = 64

const TOKEN = "[!#$%&'*+\\-.^_`|~\\w]+"
const VALUE = '[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]*'
const PAIR = `[ \\t]*${TOKEN}[ \\t]*=[ \\t]*${VALUE}[ \\t]*`
const MEMBER = new RegExp(`^${PAIR}(?:;(?:${PAIR}|[ \\t]*${TOKEN}[ \\t]*))*$`)

/** `baggage`: what goes on. Undefined: nothing. `problem`: why not all of it goes on. */
export type AcceptedBaggage = { readonly baggage: string | undefined; readonly problem: string | null }

/**
 * What goes on of a header `baggage`: its well-formed members. Of a header that is too long, or that has too many members,
 * nothing goes on, because nobody knows which of them matter.
 */
export function acceptBaggage(given: string): AcceptedBaggage {
  const { length } = given
  if (length > BAGGAGE_SIZE_MAX) return refused(`it has ${length} characters, of ${BAGGAGE_SIZE_MAX} at most`)
  const members = given.split(',')
  if (members.length > BAGGAGE_MEMBERS_MAX) return refused(`it has ${members.length} members, of ${BAGGAGE_MEMBERS_MAX} at most`)
  const good = members.filter(member => MEMBER.test(member))
  if (good.length === members.length) return { baggage: given, problem: null }
  const problem = `${members.length - good.length} of its ${members.length} members are not as W3C has them, key=value`
  return { baggage: good.length ? good.join(',') : undefined, problem }
}

function refused(problem: string): AcceptedBaggage {
  return { baggage: undefined, problem }
}
