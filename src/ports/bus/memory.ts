import type { Bus, Page } from './bus.ts'

type PageListener = (page: Page) => unknown

/** A bus within one process. A listener is called after the append that it tells of was answered, and never before its commit. */
export function memoryBus(report: (error: unknown) => void = () => {}): Bus {
  // One entry for each time that somebody listens: the same function may twice, and ends once for each.
  const entries = new Set<{ readonly listener: PageListener }>()
  return {
    get listeners() {
      return entries.size
    },
    publish(page) {
      // Who begins to listen because of a page is told of the next one.
      for (const { listener } of [...entries]) call(listener, page, report)
    },
    listen(listener) {
      const entry = { listener }
      entries.add(entry)
      return () => void entries.delete(entry)
    },
  }
}

/** A function that promises something passes for one that gives nothing: its rejection is nobody else's. */
function call(listener: PageListener, page: Page, report: (error: unknown) => void): void {
  try {
    const promised = listener(page)
    if (promised instanceof Promise) promised.catch(report)
  } catch (error) {
    report(error)
  }
}
