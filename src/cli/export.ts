// export [FILE]: writes the log as lines of JSON. A file appears only when it is whole; stdout ends when its reader
// leaves.
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { Store } from '../ports/store/store.ts'
import { liveLeases } from '../subscription/pausing.ts'
import { carriedLines } from '../transfer/carried.ts'
import { EXPORT_FORMATS, type ExportFormat, type ExportOptions, exportLines } from '../transfer/export.ts'
import { EXIT } from './exit-codes.ts'
import { withStore } from './opened.ts'
import { type Sink, standardOutput } from './output.ts'
import { progress } from './progress.ts'
import { type Call, textOf, type Values, type Verb } from './verb.ts'

export const exportVerb: Verb = {
  takes: '[FILE]',
  does: 'export the log to FILE, or to stdout',
  options: {
    format: { takes: 'F', does: 'jsonl (default) or cloudevents' },
    move: { does: 'to move the log: with checkpoints, parked keys, what is to be sent, and idempotency keys' },
    after: { takes: 'N', does: 'only events after position N' },
    category: { takes: 'C', does: 'only events of a category' },
    stream: { takes: 'S', does: 'only events of a stream' },
  },
  run: exportLog,
}

/** Exports the log; gives the exit code. */
async function exportLog(call: Call): Promise<number> {
  const options = optionsOf(call.values)
  if (typeof options === 'string') {
    console.error(options)
    return EXIT.USAGE
  }
  const isMove = call.values['move'] === true
  if (isMove && ['format', 'after', 'category', 'stream'].some(name => call.values[name] !== undefined)) {
    console.error('--move exports the whole log, and goes with no other option')
    return EXIT.USAGE
  }
  await withStore(call, store => exportInto(call.words[0], store, options, isMove))
  return 0
}

/** Warns that a process which serves the log goes on after the export. */
async function warnOfLeases({ readModel }: Store): Promise<void> {
  const live = await liveLeases(readModel)
  if (live.length === 0) return
  console.error('a process serves this log: stop it before you move the log, or what it does from now on is done twice')
}

async function exportInto(file: string | undefined, store: Store, options: ExportOptions, isMove: boolean): Promise<void> {
  const sink = file === undefined ? standardOutput() : await partialFile(file)
  const shown = file === undefined ? null : progress('exporting', 'positions')
  const { after = 0 } = options
  const head = await store.head()
  let events = 0
  try {
    if (isMove) {
      await warnOfLeases(store)
      for await (const text of carriedLines(store)) if (!(await sink.write(text))) return
    }
    for await (const page of exportLines(store, options)) {
      if (!(await sink.write(page.text))) return
      events += page.events
      shown?.update(page.position - after, head - after)
    }
  } catch (error) {
    await sink.abandon()
    throw error
  }
  await sink.end()
  shown?.end(`${events.toLocaleString('en')} events exported to ${file}`)
}

function optionsOf(values: Values): ExportOptions | string {
  const [format = 'jsonl', after, category, stream] = ['format', 'after', 'category', 'stream'].map(one => textOf(values, one))
  if (!isFormat(format)) return `--format is ${EXPORT_FORMATS.join(' or ')}; found ${format}`
  if (after !== undefined && !/^(0|[1-9][0-9]{0,14})$/.test(after)) return `--after is a position; found ${after}`
  if (category !== undefined && stream !== undefined) return '--category and --stream do not go together'
  return {
    format,
    after: Number(after ?? 0),
    ...(category !== undefined && { category }),
    ...(stream !== undefined && { stream }),
  }
}

function isFormat(format: string): format is ExportFormat {
  return EXPORT_FORMATS.some(one => one === format)
}

/** A file that gets its name once it is whole and durable. */
async function partialFile(file: string): Promise<Sink> {
  const partial = `${file}.${process.pid}.partial`
  const handle: FileHandle = await open(partial, 'w')
  return {
    write: async text => {
      await handle.writeFile(text)
      return true
    },
    end: async () => {
      await handle.sync()
      await handle.close()
      await rename(partial, file)
    },
    abandon: async () => {
      await handle.close()
      await rm(partial, { force: true })
    },
  }
}
