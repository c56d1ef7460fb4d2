// Makes the trips to a shared cache steps of the trace that waits for them.
import type { Trace } from '../trace/trace.ts'
import type { Cache } from './cache.ts'

export function traceCache(cache: Cache, trace: Trace): Cache {
  if (!trace.isRecording) return cache
  const step = <T>(operation: string, run: () => Promise<T>) =>
    trace.step('cache', [trace.current()], { 'emaki.cache.operation': operation }, run)
  return {
    ...(cache.getSync && { getSync: (key, atLeast) => cache.getSync!(key, atLeast) }),
    get: (key, atLeast) => step('get', () => cache.get(key, atLeast)),
    set: (key, entry, current) => step('set', () => cache.set(key, entry, current)),
    raise: (tags, position) => step('raise', () => cache.raise(tags, position)),
    claim: (key, ttlMs) => step('claim', () => cache.claim(key, ttlMs)),
    close: () => cache.close(),
  }
}
