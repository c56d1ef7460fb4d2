import { expect, test } from 'bun:test'
import { METRICS } from '../ports/metrics/table.ts'
import { prometheusLabel, prometheusName } from '../definitions/measure/metric-name.ts'

test('docs/metrics.md lists each metric of the table with its kind, its labels and what it says, and no other', async () => {
  const page = await Bun.file(`${import.meta.dir}/../../docs/metrics.md`).text()
  const listed = page.slice(page.indexOf('## Each metric')).replaceAll(/\s+/g, ' ')
  const lines = Object.entries(METRICS).map(([name, row]) => {
    const about = [row.kind, ...row.attributes.map(attribute => `\`${prometheusLabel(attribute)}\``)].join(', ')
    return `- \`${prometheusName(name, row)}${row.kind === 'counter' ? '_total' : ''}\` (${about}): ${row.help}`
  })
  expect(lines.filter(line => !listed.includes(line))).toEqual([])
  expect(listed.match(/- `/g)).toHaveLength(lines.length)
})
