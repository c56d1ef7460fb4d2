import { importContract } from '../../ports/store/import-contract/index.ts'
import { openImportedLog } from './import.cases.ts'

importContract('SQLite', openImportedLog)
