// With few of its random runs; import.long.test.ts has all.
import { importContract } from '../../ports/store/import-contract/index.ts'
import { openImportedLog } from './import.cases.ts'

importContract('SQLite', openImportedLog, { share: 1 / 6 })
