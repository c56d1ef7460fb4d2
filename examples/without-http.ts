// A runtime in a script, without HTTP. `bun examples/without-http.ts` runs it.
import { runtime } from 'emaki'
import { sqlite } from 'emaki/sqlite'
import { inventory } from './marketplace/inventory.ts'

const emaki = await runtime({ serve: [inventory], store: sqlite('data/inventory.db') })
const { outcome } = await emaki.send(inventory.restock('a', { qty: 5 }))
console.log(outcome)

// Answers that other data went into, outside of the log, are out of date now.
await emaki.invalidate(['customer:c1'])
await emaki.close()
