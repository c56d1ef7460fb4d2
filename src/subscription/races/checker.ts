// What has to be true of rows, effects and leases, said apart from the code that makes them: it knows the log and the tables, and folds
// in its own words.

/** An event as the log's table has it. */
export type Logged = {
  readonly position: number
  readonly stream: string
  readonly version: number
  readonly id: string
  /** Null: it cannot be read. */
  readonly token: string | null
}
type Readable = Logged & { readonly token: string }

/** What was read in one snapshot. */
export type Seen = {
  /** The events that were not seen before, in the order of the log. */
  readonly events: readonly Logged[]
  readonly checkpoints: ReadonlyMap<string, number>
  /** By table and key. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, { readonly position: number; readonly data: string }>>
  readonly parked: readonly {
    readonly name: string
    readonly kind: string
    readonly key: string
    readonly position: number
    readonly cause: string
  }[]
  /** How many keys of the processor are handled again until they succeed. */
  readonly retrying: number
  /** The positions that the SQL projection has written; null: its table is not there yet. */
  readonly reported: readonly number[] | null
}

/** One delivery to the processor, in the order in which they became durable. */
export type Delivered = {
  readonly seq: number
  readonly key: string
  readonly id: string
  readonly stream: string
  readonly version: number
}

/** What a node said of its leases. `kept`: whether the page was taken; null: nobody was told. */
export type Leased =
  | { readonly who: string; readonly did: 'acquire'; readonly name: string; readonly epoch: number; readonly position: number }
  | {
      readonly who: string
      readonly did: 'commit'
      readonly name: string
      readonly epoch: number
      readonly from: number
      readonly to: number
      readonly kept: boolean | null
    }

type Row = Readonly<Record<string, number>>
type Step = (row: Row | null, event: Readable) => Row | null
type Rule = { readonly keys: (event: Readable) => readonly string[]; readonly step: Step }

function letters(text: string): number {
  let sum = 0
  for (let i = 0; i < text.length; i++) sum += text.charCodeAt(i)
  return sum
}

function nextLink(chain: number | undefined, { position }: Logged): number {
  return ((chain ?? 0) * 31 + position) % 1_000_003
}

function instanceOf({ stream }: Logged): string {
  return stream.slice(stream.indexOf('-') + 1)
}

/** What each table has to hold. */
const RULES: Readonly<Record<string, Rule>> = {
  counts_v1: {
    keys: event => [instanceOf(event)],
    step: (row, event) => ({
      count: (row?.['count'] ?? 0) + 1,
      sum: (row?.['sum'] ?? 0) + letters(event.token),
      chain: nextLink(row?.['chain'], event),
    }),
  },
  tags_v1: {
    keys: ({ token }) => {
      const keys = new Set<string>()
      for (let i = 0; i <= letters(token) % 12; i++) keys.add(`tag ${(letters(token) + i * 7) % 60}`)
      return [...keys]
    },
    step: (row, event) => ({ count: (row?.['count'] ?? 0) + 1, chain: nextLink(row?.['chain'], event) }),
  },
  open_v1: {
    keys: ({ token }) => [`room ${letters(token) % 50}`],
    step: (row, event) =>
      letters(event.token) % 3 ? { since: row?.['since'] || event.position, count: (row?.['count'] ?? 0) + 1 } : null,
  },
}
export const TABLES: readonly string[] = Object.keys(RULES)
const CATEGORIES = ['hot-', 'cold-', 'counter-']

/** Follows a run from snapshot to snapshot; everything that is wrong is a sentence. */
export class Checker {
  readonly log: Logged[] = []
  readonly #folds = new Map(TABLES.map(name => [name, newFold('')]))
  readonly #passed = new Map<string, number>()
  /** Events that cannot be folded by a table: their keys may be parked, and nothing else may. */
  readonly #isPoison: (table: string, event: Readable) => boolean
  looks = 0

  constructor(isPoison: (table: string, event: Readable) => boolean = () => false) {
    this.#isPoison = isPoison
  }

  /** I5, at whatever moment it was looked: rows are the fold of the log up to the checkpoint. */
  look(seen: Seen): readonly string[] {
    this.looks++
    this.log.push(...seen.events)
    return [
      ...[...seen.checkpoints].flatMap(([name, position]) => this.#moved(name, position)),
      ...TABLES.flatMap(name => this.#ofTable(name, seen)),
      ...this.#ofReport(seen),
    ]
  }

  /** A checkpoint only moves on, and never past the log. */
  #moved(name: string, position: number): readonly string[] {
    const before = this.#passed.get(name) ?? 0
    this.#passed.set(name, position)
    const head = this.log.at(-1)?.position ?? 0
    return [
      ...(position < before ? [`${name} went back from ${before} to ${position}`] : []),
      ...(position > head ? [`${name} is at ${position}, and the log ends at ${head}`] : []),
    ]
  }

  #ofTable(name: string, { checkpoints, rows, parked }: Seen): readonly string[] {
    const until = checkpoints.get(name) ?? 0
    const streams = streamsOf(name, parked)
    const expected = this.#fold(name, until, streams)
    const found = rows.get(name) ?? new Map<string, { position: number; data: string }>()
    const aside = new Map(parked.flatMap(one => (one.name === name && one.kind === 'key' ? [[one.key, one.position]] : [])))
    const wrong = [...new Set([...expected.keys(), ...found.keys(), ...aside.keys()])].flatMap(key => {
      const row = found.get(key)
      const at = aside.get(key)
      if (at !== undefined) return this.#ofParked(name, key, at, row ?? null)
      const wanted = expected.get(key)
      if (isSame(row, wanted)) return []
      return [`${name}/${key} at ${until} is ${formatRow(row)}, and the log gives ${JSON.stringify(wanted ?? null)}`]
    })
    for (const [stream, at] of streams)
      if (!this.log.some(event => event.stream === stream && event.position === at && event.token === null))
        wrong.push(`${name} has parked ${stream} at ${at}, which can be read`)
    return wrong.length > MOST
      ? [...wrong.slice(0, MOST), `${wrong.length - MOST} more rows of ${name} are wrong at ${until}`]
      : wrong
  }

  /** I11: what is parked has met poison, and its row is what its events gave before that. */
  #ofParked(name: string, key: string, at: number, row: { position: number; data: string } | null): readonly string[] {
    const { keys, step } = RULES[name]!
    const own = this.log.filter(isReadable).filter(event => keys(event).includes(key))
    const poison = this.log.find(event => this.#isBad(name, key, event))
    if (!poison || poison.position > at) return [`${name}/${key} is parked at ${at}, and nothing is wrong with its events`]
    if ((row?.position ?? 0) >= poison.position) return [`${name}/${key} is parked, and its row went on to ${row?.position}`]
    const before = own.filter(({ position }) => position <= (row?.position ?? 0))
    const wanted = before.reduce<Row | null>(step, null)
    if (!row || isSame(row, wanted && { row: wanted, position: row.position })) return []
    return [`${name}/${key} is parked at ${at} as ${formatRow(row)}, and the log gives ${JSON.stringify(wanted)}`]
  }

  /** Poison, or what cannot be read and is for the row of its own instance, which nobody needs to read it for. */
  #isBad(name: string, key: string, event: Logged): boolean {
    if (isReadable(event)) return RULES[name]!.keys(event).includes(key) && this.#isPoison(name, event)
    return name === 'counts_v1' && event.token === null && instanceOf(event) === key
  }

  #fold(name: string, until: number, parked: ReadonlyMap<string, number>): Fold['rows'] {
    const { keys, step } = RULES[name]!
    const aside = JSON.stringify([...parked])
    // What was parked, or no longer is, changes what was folded before.
    if (this.#folds.get(name)!.aside !== aside) this.#folds.set(name, newFold(aside))
    const fold = this.#folds.get(name)!
    for (; fold.next < this.log.length && this.log[fold.next]!.position <= until; fold.next++) {
      const event = this.log[fold.next]!
      if (!isReadable(event) || event.position > (parked.get(event.stream) ?? Number.POSITIVE_INFINITY)) continue
      for (const key of keys(event)) {
        const row = step(fold.rows.get(key)?.row ?? null, event)
        if (row) fold.rows.set(key, { row, position: event.position })
        else fold.rows.delete(key)
      }
    }
    return fold.rows
  }

  /** What a SQL projection writes is there once for each event up to its checkpoint. */
  #ofReport({ checkpoints, reported, parked }: Seen): readonly string[] {
    const until = checkpoints.get('sql_report_v1') ?? 0
    if (until === 0) return []
    if (!reported) return [`sql_report_v1 is at ${until}, and has no table`]
    const found = reported.toSorted((a, b) => a - b)
    const aside = streamsOf('sql_report_v1', parked)
    const wanted = this.log.filter(event => event.position <= until && isHandled(event, aside)).map(({ position }) => position)
    const at = wanted.findIndex((position, i) => found[i] !== position)
    if (at < 0 && found.length === wanted.length) return []
    return [
      `sql_report_v1 at ${until} has ${found[at < 0 ? wanted.length : at]} where the log has ${wanted[at]}; ${found.length} of ${wanted.length}`,
    ]
  }

  /** I6 and I7: each event at least once, always with the same key, and for the first time in the order of its stream. */
  effects(delivered: readonly Delivered[], until: number, parked: Seen['parked'] = []): readonly string[] {
    const aside = streamsOf('effects', parked)
    const log = new Map(this.log.map(event => [event.id, event]))
    const last = new Map<string, number>()
    const first = new Set<string>()
    const wrong = parked
      .filter(({ name, kind }) => name === 'effects' && kind === 'key')
      .map(({ key, position, cause }) => `effects has parked ${key} at ${position}, and nothing is wrong with it: ${cause}`)
    for (const { key, id, stream, version } of delivered.toSorted((a, b) => a.seq - b.seq)) {
      if (log.get(id)?.stream !== stream || log.get(id)?.version !== version)
        wrong.push(`${stream}@${version} was delivered, and is not in the log`)
      if (key !== `effects:${id}`) wrong.push(`${stream}@${version} was delivered with the key ${key}`)
      if (first.has(id)) continue
      first.add(id)
      const before = last.get(stream) ?? 0
      const hasSkipped = version > before + 1 && this.log.some(one => isBetween(one, stream, before, version))
      if (version <= before || hasSkipped) wrong.push(`${stream}@${version} was delivered after ${before}`)
      last.set(stream, version)
    }
    const missed = this.log.filter(event => event.position <= until && isHandled(event, aside) && !first.has(event.id))
    if (missed[0])
      wrong.push(
        `${missed.length} were never delivered up to ${until}, first ${missed[0].stream}@${missed[0].version} (${missed[0].position})`,
      )
    return wrong.slice(0, MOST)
  }
}
const MOST = 5

/** No page is written twice, and none by an owner that another has followed: what it began after is what is there. */
export function ofLeases(said: readonly Leased[]): readonly string[] {
  const wrong: string[] = []
  for (const [name, own] of Map.groupBy(said, one => one.name)) {
    const kept = own.flatMap(one => (one.did === 'commit' && one.kept ? [one] : []))
    for (const [from, same] of Map.groupBy(
      kept.filter(({ from, to }) => from < to),
      ({ from }) => from,
    ))
      if (same.length > 1) wrong.push(`${name} was written ${same.length} times from ${from}: ${same.map(nameOf).join(' and ')}`)
    for (const begun of own.flatMap(one => (one.did === 'acquire' ? [one] : []))) {
      const late = kept.find(({ epoch, to }) => epoch < begun.epoch && to > begun.position)
      if (late)
        wrong.push(
          `${name}: ${nameOf(late)} was written though ${begun.who} had taken over at ${begun.position} (epoch ${begun.epoch})`,
        )
    }
    for (const [epoch, owners] of Map.groupBy(
      own.filter(({ did }) => did === 'acquire'),
      one => one.epoch,
    ))
      if (owners.length > 1) wrong.push(`${name}: epoch ${epoch} is that of ${owners.map(({ who }) => who).join(' and ')}`)
  }
  return wrong.slice(0, MOST)
}

function nameOf({ who, epoch, from, to }: Extract<Leased, { readonly did: 'commit' }>): string {
  return `${from}..${to} of ${who} (epoch ${epoch})`
}

type Fold = {
  /** What was passed over when it was made. */
  readonly aside: string
  next: number
  readonly rows: Map<string, { readonly row: Row; readonly position: number }>
}

function newFold(aside: string): Fold {
  return { aside, next: 0, rows: new Map() }
}

/** The streams that one subscription passes over, and from which position on. */
function streamsOf(name: string, parked: Seen['parked']): ReadonlyMap<string, number> {
  return new Map(parked.flatMap(one => (one.name === name && one.kind === 'stream' ? [[one.key, one.position]] : [])))
}

function isReadable(event: Logged): event is Readable {
  return event.token !== null && CATEGORIES.some(category => event.stream.startsWith(category))
}

function isHandled(event: Logged, parked: ReadonlyMap<string, number>): boolean {
  return isReadable(event) && event.position <= (parked.get(event.stream) ?? Number.POSITIVE_INFINITY)
}

function isBetween(event: Logged, stream: string, before: number, after: number): boolean {
  return event.stream === stream && event.version > before && event.version < after && isReadable(event)
}

function isSame(
  found: { readonly position: number; readonly data: string } | undefined,
  wanted: { readonly row: Row; readonly position: number } | null | undefined,
): boolean {
  if (!found || !wanted) return !found && !wanted
  return found.position === wanted.position && Bun.deepEquals(parseOrNull(found.data), wanted.row)
}

function parseOrNull(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return data
  }
}

function formatRow(row: { readonly position: number; readonly data: string } | undefined): string {
  return row ? `${row.data} (${row.position})` : 'not there'
}
