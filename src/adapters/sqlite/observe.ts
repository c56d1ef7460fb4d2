// What a store in SQLite says of itself when somebody asks.
import { stat, statfs } from 'node:fs/promises'
import type { Meter } from '../../ports/metrics/meter.ts'

/** Observes the file of a log while it is open. */
export function observeFile(meter: Meter, file: string, isOpen: () => boolean): void {
  meter.observe(['emaki.store.size', 'emaki.store.free'], async () => {
    if (!isOpen()) return {}
    const [size, wal, disk] = await Promise.all([sizeOf(file), sizeOf(`${file}-wal`), statfs(file)])
    return {
      'emaki.store.size': [
        { values: ['file'], value: size },
        { values: ['wal'], value: wal },
      ],
      'emaki.store.free': [{ values: [], value: disk.bavail * disk.bsize }],
    }
  })
}

/** A file that is not there has no size: there is a `-wal` only after a write. */
async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  )
}
