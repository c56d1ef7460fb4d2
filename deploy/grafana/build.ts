// Writes the dashboards anew: `bun deploy/grafana/build.ts`. With the file of an app it writes the Business dashboard of
// that app, to a file beside it: `bun deploy/grafana/build.ts app.ts business.json`.
import { join, resolve } from 'node:path'
import { spec } from '../../src/definitions/event/events.ts'
import type { App } from '../../routes/app.ts'
import { businessDashboard, dashboards } from './dashboards.ts'
import { measuresOf } from './measures-of.ts'

const [file, written = 'business.json'] = process.argv.slice(2)

if (file === undefined)
  for (const [name, dashboard] of Object.entries(dashboards()))
    await write(join(import.meta.dir, `dashboards/${name}.json`), dashboard)
else {
  const { default: app } = (await import(resolve(file))) as { readonly default: App }
  const measures = measuresOf(app[spec].options.serve)
  if (measures.length === 0) throw new TypeError(`${file} serves no measure`)
  await write(written, businessDashboard(measures))
}

async function write(path: string, dashboard: object): Promise<void> {
  await Bun.write(path, `${JSON.stringify(dashboard, null, 1)}\n`)
}
