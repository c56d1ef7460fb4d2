// The document of an app, and what a validator has against it.
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { inventory } from '../../examples/marketplace/inventory.ts'
import { order } from '../../examples/marketplace/order.ts'
import { payment } from '../../examples/marketplace/payment.ts'
import { bestsellers, customers, orderSummary, orders, stock } from '../../examples/marketplace/views.ts'
import { readConfig } from '../../src/config.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { type AppOptions, app } from '../app.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test may walk JSON as it comes.
export type Document = any

export const marketplace = [inventory, order, payment, orders, stock, bestsellers, customers, orderSummary]

export async function fetchDocument(options: Partial<AppOptions> = {}): Promise<Document> {
  const served = app({ serve: marketplace, store: memory(), config: readConfig({}), ...options })
  return (await served.request('/openapi.json')).json()
}

const rules = await createConfig({
  extends: ['spec'],
  rules: {
    'operation-operationId': 'error',
    'operation-operationId-url-safe': 'error',
    'operation-summary': 'error',
    'operation-tag-defined': 'error',
    'security-defined': 'error',
    'no-invalid-media-type-examples': 'error',
    'no-invalid-schema-examples': 'error',
    'no-enum-type-mismatch': 'error',
    'no-required-schema-properties-undefined': 'error',
  },
})

/** What a validator has against a document; nothing where it is valid. */
export async function faults(document: Document): Promise<readonly string[]> {
  const problems = await lintFromString({ source: JSON.stringify(document), config: rules, absoluteRef: 'openapi.json' })
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer}`)
}
