// export [FILE]: writes the log as lines of JSON. A file appears only when it is whole; stdout ends when its reader
// leaves.
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { Store } from '../ports/store/store.ts'
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
  await withStore(call, store => exportInto(call.words[0], store, options))
  return 0
}

async function exportInto(file: string | undefined, store: Store, options: ExportOptions): Promise<void> {
  const sink = file === undefined ? standardOutput() : await partialFile(file)
  const shown = file === undefined ? null : progress('exporting', 'positions')
  const { after = 0 } = options
  const head = await store.head()
  let events = 0
  try {
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
