import { main } from 'emaki/cli'
import marketplace from './app.ts'

await main(marketplace)
