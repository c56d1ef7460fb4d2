import { describe, expect, test } from 'bun:test'
import { Frames } from './frames.ts'

const event = (id: number) => `id: ${id}\nevent: order.Placed\ndata: {"id: ":1}\n\n`

function takeChunks(...chunks: string[]): { count: number; wrong: number } {
  const frames = new Frames(1)
  for (const chunk of chunks) frames.take(Buffer.from(chunk))
  return { count: frames.count, wrong: frames.wrong }
}

describe('frames', () => {
  test('frames are counted wherever their bytes are cut', () => {
    const text = `HTTP/1.1 200 OK\r\n\r\nretry: 2000\nid: 0\n\n${event(1)}${event(2)}id: 2\n\n${event(3)}`
    for (let i = 0; i < text.length; i++) expect(takeChunks(text.slice(0, i), text.slice(i))).toEqual({ count: 3, wrong: 0 })
  })

  test('frames of another epoch are compared by their position', () => {
    expect(takeChunks('id: 2.1\nevent: a\n\n', 'id: 2.2\nevent: a\n\n')).toEqual({ count: 2, wrong: 0 })
  })

  test('frames that are missing, doubled or out of order are counted as wrong', () => {
    expect(takeChunks(event(1), event(3)).wrong).toBe(1)
    expect(takeChunks(event(1), event(1)).wrong).toBe(1)
    expect(takeChunks(event(2), event(1)).wrong).toBe(2)
    expect(takeChunks(event(2)).wrong).toBe(1)
  })
})
