// What is known of promises, in memory: the shortest description of every store's.
import { type Breach, BREACHES_MAX, type Promises, type Seal } from './promises.ts'

export function memoryPromises(): Promises {
  const kept = new Map<string, Breach>()
  const seals = new Map<number, Seal>()
  const inOrder = () => [...seals.values()].toSorted((one, other) => one.after - other.after)
  const clear = <K, V>(map: Map<K, V>) => {
    const many = map.size
    map.clear()
    return many
  }
  return {
    addBreach: async breach => {
      const key = JSON.stringify([breach.promise, breach.subject])
      const many = [...kept.values()].filter(({ promise }) => promise === breach.promise).length
      if (kept.has(key) || many >= BREACHES_MAX) return false
      kept.set(key, breach)
      return true
    },
    breaches: async () => [...kept.values()].toSorted((one, other) => one.at - other.at),
    forgetBreaches: async () => clear(kept),
    seal: async seal => void seals.set(seal.after, seal),
    sealFrom: async position => inOrder().find(({ after }) => after >= position) ?? null,
    lastSeal: async () => inOrder().at(-1) ?? null,
    forgetSeals: async () => clear(seals),
  }
}
