// What a verb finds is kept for the servers that run, and shown until somebody says that it is mended.
import { afterEach, describe, expect, test } from 'bun:test'
import { cleanUp } from '../test-support/cleanup.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { things } from '../test-support/shop.ts'
import { inFile, inSchema, watchedApp } from '../test-support/watched-app.ts'
import type { Store } from '../ports/store/store.ts'
import { breachesVerb } from './breaches.ts'
import { auditVerb } from './rows.ts'
import { statusVerb } from './subscriptions.ts'
import { Misused } from './verb.ts'
import { verifyVerb } from './verify.ts'

afterEach(cleanUp)

/** Verbs close their store, and the app still runs over it. */
const kept = (store: Store): Store =>
  new Proxy(store, {
    get: (of, name) => {
      const member: unknown = Reflect.get(of, name, of)
      if (name === 'open' || name === 'close') return async () => {}
      return typeof member === 'function' ? member.bind(of) : member
    },
  })

describe.each([
  ['SQLite', inFile],
  ['PostgreSQL', inSchema],
])('the verbs that find breaches on %s', (where, place) => {
  test(`audit on ${where} keeps the rows that differ, the running app reports them, and breaches shows and forgets them`, async () => {
    const app = await watchedApp(await place())
    await app.fill(0, 40)
    const called = { serve: [things], store: kept(app.store) }
    expect(await runVerb(breachesVerb, called)).toMatchObject({ code: 0, out: 'no breach of a promise is known\n' })
    await app.change(`update ${app.of}rows_things_v1 set data = replace(data, '"top"', '"low"') where key = 't3'`)
    expect((await runVerb(auditVerb, { ...called, words: ['things'] })).code).toBe(1)
    await app.services.promises.step()
    expect(app.reported).toMatchObject([
      { code: 'promise-broken', fields: { promise: 'rows', subject: 'things_v1 t3', foundBy: 'audit' } },
    ])
    expect((await runVerb(statusVerb, called)).err).toBe(
      'Promises do not hold: 1 breaches are known. `emaki breaches` shows them.\n',
    )
    const shown = await runVerb(breachesVerb, called)
    expect(shown).toMatchObject({ code: 1, out: expect.stringMatching(/rows +things_v1 t3 +audit +The row t3 of things/) })
    expect(JSON.parse((await runVerb(breachesVerb, { ...called, json: true })).out)).toMatchObject([{ subject: 'things_v1 t3' }])
    expect((await runVerb(breachesVerb, { ...called, words: ['forget'] })).out).toStartWith('1 forgotten')
    expect((await runVerb(breachesVerb, called)).code).toBe(0)
    expect((await runVerb(statusVerb, called)).err).toBe('')
  })

  test(`verify on ${where} finds an event that was changed and still fits, and one with the time and the id of others`, async () => {
    const app = await watchedApp(await place())
    await app.fill(0, 40)
    const called = { serve: [things], store: kept(app.store) }
    await app.watchAs('a').step()
    expect(await runVerb(verifyVerb, called)).toMatchObject({ code: 0 })
    await app.change(`update ${app.of}events set data = replace(data, '"n5"', '"n6"')`)
    const found = await runVerb(verifyVerb, called)
    expect(found).toMatchObject({
      code: 1,
      out: 'The events after position 0 up to 40 were read before, and they are not as they were.\n',
    })
    const back = where === 'SQLite' ? 'at - 60000' : "at - interval '1 minute'"
    await app.change(`update ${app.of}events set at = ${back} where position = 20`)
    await app.change(`update ${app.of}events set id = (select id from ${app.of}events where position = 3) where position = 8`)
    await runVerb(verifyVerb, called)
    const promises = (await app.store.promises.breaches()).map(({ promise, foundBy }) => [promise, foundBy])
    expect(promises.toSorted()).toEqual(['clock', 'immutability', 'once'].map(promise => [promise, 'verify']))
  })
})

test('a verb that cannot keep what it found says so, and gives its result all the same', async () => {
  const app = await watchedApp(await inFile())
  await app.fill(0, 40)
  await app.change(`update ${app.of}rows_things_v1 set data = replace(data, '"top"', '"low"') where key = 't3'`)
  const promises = { ...app.store.promises, addBreach: () => Promise.reject(new Error('read only')) }
  const readOnly = new Proxy(kept(app.store), { get: (of, name) => (name === 'promises' ? promises : Reflect.get(of, name, of)) })
  const { code, out, err } = await runVerb(auditVerb, { serve: [things], store: readOnly, words: ['things'] })
  expect([code, out]).toEqual([1, expect.stringContaining('t3')])
  expect(err).toContain('What was found is not kept for the running servers: Error: read only')
})

test('breaches refuses words that it does not know', async () => {
  const { store } = await inFile()
  await expect(runVerb(breachesVerb, { serve: [things], store, words: ['forgive'] })).rejects.toThrow(Misused)
})
