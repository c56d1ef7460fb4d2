// An app that serves things on shelves, and short ways to change them and to read what they have become.
import { expect } from 'bun:test'
import type { AppOptions } from '../../routes/app.ts'
import { spec } from '../definitions/event/events.ts'
import type { Served } from '../definitions/definition.ts'
import { memory } from '../ports/store/memory.ts'
import { type Client, client } from './http.ts'
import { type Looks, looks, sets, shelves, thing, things } from './shop.ts'
import { cleanUpLater } from './cleanup.ts'

export type ThingApp = Client & {
  /** Runs a command, and gives the position of its answer. */
  readonly say: (id: string, command: string, body?: object) => Promise<string>
  /** Reads at least as far as the last command. */
  readonly see: (path: string, headers?: Record<string, string>) => ReturnType<Client['get']>
  readonly stop: () => Promise<void>
}

/** Opens an app; `cleanUp` stops it. */
export function openThingApp(queries: readonly Served[] = [], options: Partial<AppOptions> = {}): ThingApp {
  const opened = client({ serve: [thing, things, shelves, sets, ...queries], ...options })
  let last = '0'
  const say = async (id: string, command: string, body: object = {}) => {
    const { status, headers } = await opened.post(`/thing/${encodeURIComponent(id)}/${command}`, body)
    expect(status).toBeOneOf([200, 201])
    const position = headers.get('event-position')!
    if (Number(position) > Number(last) || position.includes('.')) last = position
    return position
  }
  const stop = async () => void (await opened.app[spec].stop())
  cleanUpLater(stop)
  return { ...opened, say, stop, see: (path, headers = {}) => opened.get(path, { 'Min-Position': last, ...headers }) }
}

/** Opens an app whose projections have folded one event of `a`, and commit the next, at `position`, only once they are released. */
export async function openHeldThingApp(
  queries: readonly Served[] = [],
  next: Looks = looks('pear'),
): Promise<ThingApp & { readonly position: string; readonly release: () => void }> {
  const inner = memory()
  const gate = Promise.withResolvers<void>()
  let isHeld = false
  const commit: typeof inner.readModel.commit = async page => {
    if (isHeld) await gate.promise
    return inner.readModel.commit(page)
  }
  const opened = openThingApp(queries, { store: { ...inner, readModel: { ...inner.readModel, commit } } })
  await opened.say('a', 'set', looks('apple'))
  expect((await opened.see('/things/a')).status).toBe(200)
  isHeld = true
  const position = await opened.say('a', 'set', next)
  const release = () => {
    isHeld = false
    gate.resolve()
  }
  return { ...opened, position, release }
}
