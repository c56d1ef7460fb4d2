// Bugs planted into the real migrations by replacing text, so that they follow the real function. See once.ts.
import type { Migration } from '../../../ports/store/migration.ts'
import { migrations } from '../migrations.ts'
import { once } from './once.ts'

/** The two migrations that are changed: the tables, and the append function. */
type Texts = { readonly log: string; readonly append: string }
type Change = (texts: Texts) => Texts

/** The one that says what append_v2 is, of which append_v3 and append_v4 are copies. */
const APPEND = '0023-append-v2'
const LOCK = 'pg_advisory_xact_lock(lock_key_v1())'
/** The statement that takes the lock, with its gates where there are any. */
const LOCKING = / *(?:perform gate\(1\);\n *)?setting := pg_advisory_xact_lock\(lock_key_v1\(\)\);\n(?: *perform gate\(2\);\n)?/
const ENDING = /(?: *perform gate\(3\);\n)?end\n\$\$;\n/
/** Whoever fails gives it back, too: else all others would wait for a session that has nothing more to say. */
const UNLOCKING = '  setting := pg_advisory_unlock(lock_key_v1());\n'
/** Who waits for each other is found out at once. */
const SOON = `  setting := set_config('deadlock_timeout', '10ms', true);\n`
const STAMPING = '  stamp := date_trunc('
const DRAWING = "first := nextval('positions');"

const plants = {
  'no lock': append(LOCKING, locking => locking.replace(LOCK, 'lock_key_v1()')),
  'check before lock': ({ log, append: text }) => {
    const [locking = ''] = LOCKING.exec(text) ?? []
    return {
      log,
      append: once(
        once(text, locking, () => ''),
        STAMPING,
        stamping => locking + stamping,
      ),
    }
  },
  'sequence before check': applyAll(
    append(DRAWING, () => 'null;'),
    append(LOCKING, locking => `  ${DRAWING}\n${locking}`),
  ),
  'check with the old snapshot': applyAll(
    append(LOCKING, locking => locking.replace(` setting := ${LOCK};`, ' null;')),
    append('if cardinality(append_v2.streams) = 1 then', () => 'if false then'),
    append(
      /from (?=unnest\(append_v2\.streams\) with ordinality s\(stream, ord\);)/,
      from => `${from}(select ${LOCK} offset 0) locked, `,
    ),
  ),
  'key outside the transaction': applyAll(
    append('insert into keys\n', () => 'insert into late_keys\n'),
    log => ({ ...log, log: `${log.log}\ncreate table late_keys (like keys including all);\n` }),
  ),
  'lock given back before the commit': applyAll(
    append(LOCKING, locking => locking.replace('xact_lock', 'lock')),
    append(ENDING, ending => `${UNLOCKING}${ending.replace('end\n', `exception when others then\n${UNLOCKING}  raise;\nend\n`)}`),
  ),
  // Before the log's own, so that nothing else is wrong.
  'a lock for each stream': append(
    LOCKING,
    locking =>
      `${SOON}${streamLock(1)}${locking.replace('  setting := pg_advisory', `${streamLock(2)}  setting := pg_advisory`)}`,
  ),
} as const satisfies Record<string, Change>

function streamLock(nth: number): string {
  return `  perform pg_advisory_xact_lock(hashtextextended(append_v2.streams[${nth}], 0));\n`
}

/** Ways in which stores of this kind are broken in the wild. For the one of the key see late-keys.ts. */
export type Plant = keyof typeof plants
export const plantNames = Object.keys(plants) as readonly Plant[]

/** Takes away the net below the lock, the unique constraint, so that what falls is seen to fall. */
const withoutNet: Change = ({ log, append: text }) => ({
  log: `${once(log, /,\s*unique \(stream, version\)/, () => '')}\ncreate index on events (stream, version);\n`,
  append: text,
})

/** Gates before and after the lock, and where all is written and nothing committed. See gates.ts. */
const gated: Change = applyAll(
  append(`setting := ${LOCK};\n`, locking => `perform gate(1);\n  ${locking}  perform gate(2);\n`),
  append('end\n$$;\n', ending => `  perform gate(3);\n${ending}`),
  ({ log, append: text }) => ({ log: log + GATE, append: text }),
)
const GATE = `
create function gate(point integer) returns void
language plpgsql volatile
as $$
declare
  writer integer := nullif(current_setting('races.writer', true), '');
begin
  if writer is not null then
    perform pg_advisory_xact_lock_shared(writer, point);
  end if;
end
$$;
`

export type Variant = {
  readonly plant?: Plant | undefined
  /** Whether the unique constraint on versions is there. Default: true. */
  readonly net?: boolean
  readonly gates?: boolean
}

/** This release's migrations as a variant has them. */
export function variantOf({ plant, net = true, gates = false }: Variant): readonly Migration[] {
  const real = { log: textOf('0001-log'), append: textOf(APPEND) }
  const changed = applyAll(...(gates ? [gated] : []), ...(plant ? [plants[plant]] : []), ...(net ? [] : [withoutNet]))(real)
  const texts = new Map([
    ['0001-log', changed.log],
    [APPEND, changed.append],
  ])
  return migrations.map(({ name, sql }) => ({ name, sql: texts.get(name) ?? sql }))
}

function textOf(name: string): string {
  return migrations.find(migration => migration.name === name)!.sql
}

function applyAll(...changes: readonly Change[]): Change {
  return texts => changes.reduce((texts, change) => change(texts), texts)
}

function append(found: string | RegExp, by: (found: string) => string): Change {
  return ({ log, append: text }) => ({ log, append: once(text, found, by) })
}
