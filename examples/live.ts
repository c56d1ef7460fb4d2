// A page that follows events over a WebSocket, and comes back where it was.

type Follow = {
  readonly url: string
  readonly category: string
  readonly take: (event: unknown) => void
  readonly pauseMs?: number
}
type Message =
  | { readonly type: 'position' | 'event'; readonly id: string; readonly event?: unknown }
  | { readonly type: 'error'; readonly problem: object }

/** How many events may be on their way. */
const CREDIT = 100
/** Connections that ended with one of these codes end again. */
const FINAL = [1003, 1008, 1009, 4403]

/** Takes each event of a category once and in order, over any number of connections. Gives a function that ends it. */
export function followCategory({ url, category, take, pauseMs = 1_000 }: Follow): () => void {
  let [after, isOver, socket] = ['0', false, null as WebSocket | null]
  const say = (n: number) => socket!.send(JSON.stringify({ type: 'credit', n }))
  const open = () => {
    if (isOver) return
    socket = new WebSocket(`${url}/events?${new URLSearchParams({ category, after })}`, 'cloudevents.json')
    socket.onopen = () => say(CREDIT)
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data as string) as Message
      if (message.type === 'error') return console.error(message.problem)
      after = message.id
      if (message.type === 'position') return
      take(message.event)
      say(1)
    }
    socket.onclose = ({ code }) => void (FINAL.includes(code) || setTimeout(open, pauseMs))
  }
  open()
  return () => {
    isOver = true
    socket!.close()
  }
}
