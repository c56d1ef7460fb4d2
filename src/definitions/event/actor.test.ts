import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { callerProblem, initiatorOf, ownActor } from './actor.ts'

describe('callerProblem', () => {
  test.each(['ada', 'a', 'x'.repeat(400), 'user:7', 'process', 'processors', 'Process:x', 'my process:x', '絵'])(
    'a caller can be the actor %j',
    actor => expect(callerProblem(actor)).toBeNull(),
  )

  test.each([
    ['', 'an actor is a text of 1 to 400 characters'],
    [7, 'an actor is a text of 1 to 400 characters'],
    ['x'.repeat(401), 'an actor has at most 400 characters, and this has 401'],
    ['a\0', 'an actor holds no NUL and no lone surrogate'],
    ['process:', "an actor that begins with process: is Emaki's own"],
    [ownActor('process', 'fulfilment'), "an actor that begins with process: is Emaki's own"],
    [ownActor('processor', 'mails'), "an actor that begins with processor: is Emaki's own"],
    [ownActor('inbox', 'payments'), "an actor that begins with inbox: is Emaki's own"],
  ])('a caller cannot be the actor %j', (actor, problem) => expect(callerProblem(actor)).toBe(problem))
})

describe('initiatorOf', () => {
  test('an initiator is who began, however many parts of Emaki come after', () => {
    const caller = fc.option(
      fc.string({ minLength: 1 }).filter(actor => callerProblem(actor) === null),
      { nil: undefined },
    )
    const part = fc.constantFrom(ownActor('process', 'a'), ownActor('processor', 'b'), ownActor('inbox', 'c'))
    fc.assert(
      fc.property(caller, fc.array(part), (first, parts) => {
        const chain = parts.reduce<{ actor?: string; initiator?: string }>(
          (cause, actor) => {
            const initiator = initiatorOf(cause)
            return { actor, ...(initiator !== undefined && { initiator }) }
          },
          first === undefined ? {} : { actor: first },
        )
        expect(initiatorOf(chain)).toBe(first)
      }),
    )
  })
})
