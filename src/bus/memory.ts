import type { Bus, Page } from './bus.ts'

/** A bus within one process. A listener is called after the append that it tells of was answered, and never before its commit. */
export function memoryBus(report: (error: unknown) => void = () => {}): Bus {
  const listeners = new Set<(page: Page) => void>()
  return {
    get listeners() {
      return listeners.size
    },
    publish(page) {
      for (const listener of listeners) {
        try {
          listener(page)
        } catch (error) {
          report(error)
        }
      }
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
