// An app that needs a payment service and a mail server, and says at /ready whether both are there.
import type { Store } from 'emaki'
import { type App, app } from 'emaki/http'
import { order } from './marketplace/order.ts'

export function openShop({
  payments,
  mailUrl,
  store,
}: {
  readonly payments: string
  readonly mailUrl: string
  readonly store: Store
}): App {
  return app({
    serve: [order],
    store,
    checks: {
      mail: async signal => (await fetch(mailUrl, { signal })).ok,
      payments: {
        run: async signal => (await fetch(`${payments}/health`, { signal })).ok,
        timeoutMs: 500,
        keepMs: 5_000,
        isRequired: true,
      },
    },
  })
}
