// Bugs planted into the real sources, as a node loads them, so that they follow the code. Each is one that others have had.
import { join } from 'node:path'

type SourcePlant = { readonly file: string; readonly found: string; readonly by: string }

export const sourcePlants = {
  /** What listens is trusted for ever: nobody asks whether something was missed. */
  'listens for ever': {
    file: 'adapters/postgres/watch.ts',
    found: '      for (; !ending.signal.aborted; heartbeats++) {\n',
    by: '      void polling.end()\n      await sleep(2_147_483_647, ending.signal)\n      for (; !ending.signal.aborted; heartbeats++) {\n',
  },
  /** What may still be preceded by a transaction that is open somewhere is not read yet. */
  'waits for the oldest transaction': {
    file: 'adapters/postgres/log.ts',
    found: 'const window = `position',
    by: 'const window = `xmin::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint and position',
  },
  /** What this process appended is taken for what comes next, whatever others have appended before it. */
  'takes a gap for nothing': {
    file: 'subscription/tail.ts',
    found: 'if (first.position === this.head + 1) this.#grow(page)\n',
    by: 'if (first.position > this.head) this.#grow(page)\n',
  },
  /** An event that cannot be folded is parked, and its key goes on without it. */
  'parks and goes on': {
    file: 'subscription/projector/row-folder.ts',
    found: '    if (this.#parking.hasKey(key)) return\n',
    by: '',
  },
  /** Commands of a process have another key each time that they are sent. */
  'commands without a key of their own': {
    file: 'agenda/send-entry.ts',
    found: '{ ...rest, actor, key: id, isOwnKey: true }',
    by: '{ ...rest, actor, key: id + Math.random(), isOwnKey: true }',
  },
  /** The agenda is told of what a page wants once the page is written. */
  'an agenda beside the page': {
    file: 'subscription/process-manager-runner.ts',
    found: `      toAgenda: changes => this.#toAgenda(changes),
      onSaved: (agenda, rows) => this.#onSaved(agenda, rows),
`,
    by: `      toAgenda: changes => {
        this.later = this.#toAgenda(changes).add
        return { add: [], remove: [] }
      },
      onSaved: async (_, rows) => {
        const { later } = this
        await Bun.sleep(20)
        for (const entry of later) await store.agenda.schedule(entry)
        this.#onSaved({ add: later, remove: [] }, rows)
      },
`,
  },
  /** What is to be sent is forgotten first, and sent then. */
  'a sender that forgets first': {
    file: 'agenda/sender.ts',
    found: '        const outcome = await this.#options.send(entry, attempt, waitedMs)\n',
    by: '        await this.#options.agenda.done([entry])\n        const outcome = await this.#options.send(entry, attempt, waitedMs)\n',
  },
  /** What is due is told by the clock of the app. */
  'timers by the clock of the app': {
    file: 'adapters/postgres/agenda.ts',
    found: 'from (select clock_timestamp() as now) n',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a part of the source's template.
    by: 'from (select to_timestamp(${Date.now() / 1000}) as now) n',
  },
  /** Whoever ends it is told that it has ended, at once. */
  'an end that waits for nothing': {
    file: 'runtime.ts',
    found: '    close: async () => {\n      const over',
    by: '    close: async () => {\n      if (store) return\n      const over',
  },
} as const satisfies Record<string, SourcePlant>
export type SourcePlantName = keyof typeof sourcePlants

/** Where a source of this repository is. */
export function sourceOf({ file }: Pick<SourcePlant, 'file'>): string {
  return join(import.meta.dir, '../..', file)
}
