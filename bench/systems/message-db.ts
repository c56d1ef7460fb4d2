import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import type { Contestant, RivalOptions } from '../contestant.ts'
import { driven } from '../measure/driven.ts'
import { basket } from '../order.ts'
import { countRows } from './count-rows.ts'

/** What install.sh and the scripts it calls run, in their order. */
const SCRIPTS = [
  'roles/message-store',
  'schema/message-store',
  'extensions/pgcrypto',
  'tables/messages',
  'types/message',
  ...['message-store-version', 'hash-64', 'acquire-lock', 'category', 'is-category', 'id', 'cardinal-id', 'stream-version']
    .concat(['write-message', 'get-stream-messages', 'get-category-messages', 'get-last-stream-message'])
    .map(name => `functions/${name}`),
  ...['id', 'stream', 'category'].map(name => `indexes/messages-${name}`),
]

/**
 * message-db: its functions, called through postgres.js with its default pool. It writes a message a call and takes a lock for each
 * category; `categories` puts each stream into one of its own.
 */
export function messageDb({ callers }: RivalOptions, categories = false): Contestant {
  return {
    system: '@eventide/message-db',
    open: async arena => {
      const url = await arena.server.createDatabase('message_db')
      await install(url)
      const sql = postgres(url, { onnotice: () => {}, connection: { search_path: 'message_store,public' } })
      let acked = 0
      const act = async () => {
        const id = Bun.randomUUIDv7()
        const stream = categories ? `order${id.replaceAll('-', '')}-${id}` : `order-${id}`
        await sql`select write_message(${Bun.randomUUIDv7()}, ${stream}, 'Placed', ${sql.json(basket())}, null, -1)`
        acked++
      }
      return driven(
        { act, callers, events: 1, postmaster: arena.server.pid },
        {
          check: () =>
            countRows(
              url,
              'select count(*)::int as rows, count(distinct stream_name)::int as streams from message_store.messages',
              acked,
            ),
          close: () => sql.end(),
        },
      )
    },
  }
}

async function install(url: string): Promise<void> {
  const database = join(Bun.resolveSync('@eventide/message-db/package.json', import.meta.dir), '../database')
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { search_path: 'message_store,public' } })
  for (const script of SCRIPTS) await sql.unsafe(readFileSync(join(database, `${script}.sql`), 'utf8')).simple()
  await sql.end()
}
