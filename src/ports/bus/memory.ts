import type { Bus, Page } from './bus.ts'

type PageListener = (page: Page) => unknown

/**
 * Makes a bus within one process. It calls listeners after the append was committed and answered. `report` receives the
 * errors of listeners. Default: they are ignored.
 */
export function memoryBus(report: (error: unknown) => void = () => {}): Bus {
  // One entry for each call of `listen`: the same function may listen twice, and each call ends by itself.
  const entries = new Set<{ readonly listener: PageListener }>()
  return {
    get listeners() {
      return entries.size
    },
    publish(page) {
      // A listener that begins during this page gets the next one.
      for (const { listener } of [...entries]) call(listener, page, report)
    },
    listen(listener) {
      const entry = { listener }
      entries.add(entry)
      return () => void entries.delete(entry)
    },
  }
}

/** Calls a listener. A type that returns nothing also allows a promise: its rejection is reported here. */
function call(listener: PageListener, page: Page, report: (error: unknown) => void): void {
  try {
    const promised = listener(page)
    if (promised instanceof Promise) promised.catch(report)
  } catch (error) {
    report(error)
  }
}
