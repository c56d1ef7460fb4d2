// A stop has a bound: what does not end by itself is given up, and another process goes on at once.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { postgres } from '../adapters/postgres/store.ts'
import { decider } from '../definitions/decider/decider.ts'
import type { Served } from '../definitions/definition.ts'
import { events } from '../definitions/event/events.ts'
import { processor } from '../definitions/processor.ts'
import { sqlProjection } from '../definitions/projection/sql-projection.ts'
import { memory } from '../ports/store/memory.ts'
import { Notice } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { testSchema } from '../test-support/schema.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

const Mail = events('mail', { Queued: z.object({ to: z.string() }) })
const mail = decider(Mail, {
  initial: {},
  evolve: { Queued: state => state },
  commands: { queue: z.object({ to: z.string() }) },
  decide: { queue: (_, data) => Mail.Queued(data) },
})

const closing: Runtime[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

/** A runtime that waits for nobody as it closes, and whose leases last for longer than any test. */
async function start(store: Store, serve: readonly Served[]) {
  const notices: Notice[] = []
  const report = (problem: unknown) => void (problem instanceof Notice && notices.push(problem))
  const emaki = await runtime({ serve: [mail, ...serve], store, leaseMs: 600_000, shutdownGraceMs: 1, report })
  return { emaki, notices }
}

describe('a stop', () => {
  test('a stop gives up a handler that takes no signal, names its event, and the event is handled elsewhere at once', async () => {
    const store = memory()
    const begun = Promise.withResolvers<void>()
    const stuck = () => {
      begun.resolve()
      return new Promise(() => {})
    }
    const { emaki, notices } = await start(store, [processor('mails', { from: Mail, handle: stuck })])
    await emaki.send(mail.queue('a', { to: 'a' }))
    await begun.promise
    await emaki.close()
    expect(notices).toMatchObject([
      { level: 'warn', code: 'handler-abandoned', fields: { subscription: 'mails', key: 'mail-a', position: 1 } },
    ])
    const handled: number[] = []
    const next = await start(store, [processor('mails', { from: Mail, handle: ([event]) => handled.push(event!.position) })])
    closing.push(next.emaki)
    await untilProcessed(next.emaki, 1)
    expect(handled).toEqual([1])
  })

  test('a stop before commands are answered says how many', async () => {
    const store = memory()
    const { emaki, notices } = await start({ ...store, append: () => new Promise(() => {}) }, [])
    void emaki.send(mail.queue('a', { to: 'a' }))
    void emaki.send(mail.queue('b', { to: 'b' }))
    await emaki.close()
    expect(notices).toMatchObject([{ level: 'warn', code: 'commands-unanswered', fields: { commands: 2 } }])
  })

  test('a stop gives up an attempt beside the pages, and the next owner goes on with its key', async () => {
    const store = memory()
    const stuck = Promise.withResolvers<void>()
    const handle = (_: unknown, { attempt }: { readonly attempt: number }) => {
      if (attempt === 1) throw new Error('at first')
      stuck.resolve()
      return new Promise(() => {})
    }
    const { emaki, notices } = await start(store, [processor('mails', { from: Mail, retry: { firstMs: 1 }, handle })])
    await emaki.send(mail.queue('a', { to: 'a' }))
    await stuck.promise
    await untilProcessed(emaki, 1)
    await emaki.close()
    expect(notices.map(({ code }) => code)).toEqual(['retry-began', 'handler-abandoned'])
    const handled = Promise.withResolvers<number>()
    const next = await start(store, [processor('mails', { from: Mail, handle: ([event]) => handled.resolve(event!.position) })])
    closing.push(next.emaki)
    expect(await handled.promise).toBe(1)
  })

  test('a stop says nothing of handlers that end in time', async () => {
    const { emaki, notices } = await start(memory(), [processor('mails', { from: Mail, handle: () => {} })])
    await emaki.send(mail.queue('a', { to: 'a' }))
    await untilProcessed(emaki, 1)
    await emaki.close()
    expect(notices).toEqual([])
  })

  test('a stop gives up a SQL projection that hangs in its transaction, which PostgreSQL rolls back', async () => {
    const at = await testSchema()
    const begun = Promise.withResolvers<void>()
    const report = (isStuck: boolean) =>
      sqlProjection('report', {
        from: Mail,
        create: async ({ sql, t }: { sql: typeof at.sql; t: (table: string) => string }) => {
          await sql.unsafe(`create table if not exists ${t('mails')} (id text)`)
        },
        handle: async (events, { sql, t }) => {
          for (const { instance } of events) await sql.unsafe(`insert into ${t('mails')} values ('${instance}')`)
          if (!isStuck) return
          begun.resolve()
          await new Promise(() => {})
        },
      })
    const { emaki, notices } = await start(postgres(at.url, { schema: at.schema }), [report(true)])
    await emaki.send(mail.queue('a', { to: 'a' }))
    await begun.promise
    await emaki.close()
    // A slow machine may hear nothing of LISTEN for a while, which is reported as well.
    const given = notices.filter(({ code }) => !code.startsWith('retry-'))
    expect(given).toMatchObject([{ code: 'handler-abandoned', fields: { key: 'mail-a', position: 1 } }])
    const next = await start(postgres(at.url, { schema: at.schema }), [report(false)])
    await untilProcessed(next.emaki, 1)
    const rows = await at.sql.unsafe(`select id from ${at.schema}.sql_report_v1_mails`)
    expect(rows.map(row => row['id'])).toEqual(['a'])
    await next.emaki.close()
    await at.drop()
  })
})
