// The payment provider of the marketplace.
import { startSandbox } from '../../examples/marketplace/sandbox.ts'
import { announce } from './announce.ts'

await announce(Number(new URL(startSandbox().url).port))
