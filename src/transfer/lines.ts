// Reads a file of any size as lines: one page of lines for each piece of the file.
import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'

/** A record of a file, or the problem of its line. Lines count from 1. */
export type FileLine<R = unknown> =
  | { readonly line: number; readonly record: R; readonly problem?: never }
  | { readonly line: number; readonly problem: string }

/** The longest line, in bytes: the largest payload and the largest meta, and the text around them. */
export const LINE_BYTES_MAX = 8_388_608
/** How many bytes are read at once. */
export const PIECE_BYTES = 262_144
export const LINE_FEED = 0x0a

/** Called with the number of further bytes that have been read. */
export type ReadBytes = (bytes: number) => void

/**
 * Gives the lines of a UTF-8 file that are not blank, without their line feeds. Skips a byte order mark at the
 * beginning.
 */
export async function* linesOf(file: string, read: ReadBytes = () => {}): AsyncGenerator<readonly FileLine<string>[]> {
  let line = 0
  let rest: Buffer[] = []
  let isTooLong = false
  for await (const piece of createReadStream(file, { highWaterMark: PIECE_BYTES }) as AsyncIterable<Buffer>) {
    read(piece.length)
    const end = piece.lastIndexOf(LINE_FEED) + 1
    const found: FileLine<string>[] = []
    if (end > 0) {
      const bytes = Buffer.concat([...rest, piece.subarray(0, end)])
      for (let begin = 0; begin < bytes.length; ) {
        const next = bytes.indexOf(LINE_FEED, begin)
        found.push(...(isTooLong ? [tooLongLine(++line)] : lineOf(bytes.subarray(begin, next), ++line)))
        isTooLong = false
        begin = next + 1
      }
      rest = []
    }
    if (end < piece.length && !isTooLong) rest.push(piece.subarray(end))
    // The rest of a line that is too long is dropped. The line is reported at its end.
    if (rest.reduce((sum, { length }) => sum + length, 0) > LINE_BYTES_MAX) isTooLong = true
    if (isTooLong) rest = []
    if (found.length) yield found
  }
  if (isTooLong) yield [tooLongLine(++line)]
  else if (rest.length) yield lineOf(Buffer.concat(rest), ++line)
}

const MARK = '\ufeff'

function tooLongLine(line: number): FileLine<string> {
  return { line, problem: `longer than ${LINE_BYTES_MAX} bytes` }
}

function lineOf(bytes: Buffer, line: number): readonly FileLine<string>[] {
  if (!isUtf8(bytes)) return [{ line, problem: 'is no UTF-8' }]
  const text = bytes.toString('utf8')
  const record = line === 1 && text.startsWith(MARK) ? text.slice(1) : text
  return record.trim() === '' ? [] : [{ line, record }]
}
