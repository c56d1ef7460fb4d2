import { describe, expect, test } from 'bun:test'
import { problemsOf, readRules } from './asked.ts'
import { verbs } from '../../src/cli/verbs.ts'

const rules = readRules()
const alerts = rules.filter(rule => rule.alert)
const recorded = new Set(rules.flatMap(({ record }) => record ?? []))

describe('rules for Prometheus', () => {
  test('docs/metrics.md lists each alert, and no other', async () => {
    const page = await Bun.file(`${import.meta.dir}/../../docs/metrics.md`).text()
    expect([...page.matchAll(/^\| `(Emaki\w+)`/gm)].map(([, name]) => name!)).toEqual(alerts.map(({ alert }) => alert!))
  })

  for (const { alert, record, expr } of rules)
    test(`the rule ${alert ?? record} asks only for what a process exposes or another rule records, in PromQL that parses`, () =>
      expect(problemsOf(expr, recorded)).toEqual([]))

  for (const { alert, labels, annotations } of alerts)
    test(`the alert ${alert} says how bad it is, what happened and which verb to begin with`, () => {
      expect(['page', 'ticket', 'info']).toContain(labels!.severity)
      expect(annotations!.summary).toEndWith('.')
      const [, verb] = /^… ([a-z]+)$/.exec(annotations!.mend) ?? []
      if (verb) expect(Object.keys(verbs)).toContain(verb)
      else expect(annotations!.mend).toEndWith('.')
    })
})
