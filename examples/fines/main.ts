// bun examples/fines/main.ts import examples/fines/sample.csv --map fines && bun examples/fines/main.ts
import { main } from 'emaki/cli'
import fines from './app.ts'
import fromCsv from './from-csv.ts'

await main(fines, process.argv.slice(2), { maps: { fines: fromCsv } })
