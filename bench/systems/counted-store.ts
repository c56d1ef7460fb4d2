import type { Store } from 'emaki'

/** A store, and how many events were sent to it for those that it took: attempts for each that was acknowledged. */
export function counted(store: Store): { readonly store: Store; readonly attempts: () => number } {
  let attempts = 0
  const counting: Store = {
    system: store.system,
    get identity() {
      return store.identity
    },
    get readModel() {
      return store.readModel
    },
    get agenda() {
      return store.agenda
    },
    append: units => {
      for (const { slices } of units) for (const { events } of slices) attempts += events.length
      return store.append(units)
    },
    import: (name, records, options) => store.import(name, records, options),
    open: () => store.open(),
    load: (wanted, keys) => store.load(wanted, keys),
    read: (stream, options) => store.read(stream, options),
    readAll: options => store.readAll(options),
    streams: options => store.streams(options),
    head: () => store.head(),
    watch: wake => store.watch(wake),
    announce: head => store.announce(head),
    beginEpoch: () => store.beginEpoch(),
    saveSnapshots: snapshots => store.saveSnapshots(snapshots),
    forgetKeys: () => store.forgetKeys(),
    ping: () => store.ping(),
    close: () => store.close(),
  }
  return { store: counting, attempts: () => attempts }
}
