import { storeContract } from './contract/index.ts'
import { memory } from './memory.ts'

storeContract('memory', async () => {
  let ahead = 0
  const store = memory({ now: () => Date.now() + ahead })
  await store.open()
  return {
    store,
    // A log in memory is gone with its process: the same store is all there is to open again.
    reopen: async () => store,
    advance: ms => {
      ahead += ms
    },
    close: () => store.close(),
  }
})
