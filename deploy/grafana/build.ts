// Writes the dashboards anew: `bun deploy/grafana/build.ts`.
import { join } from 'node:path'
import { dashboards } from './dashboards.ts'

for (const [name, dashboard] of Object.entries(dashboards()))
  await Bun.write(join(import.meta.dir, `dashboards/${name}.json`), `${JSON.stringify(dashboard, null, 1)}\n`)
