// The names of metrics and of their attributes, by the rules of OpenTelemetry and Prometheus.

/** Units by UCUM, each as Prometheus writes it at the end of a name. A unit of several letters stands as it is. */
const SUFFIXES: Readonly<Record<string, string>> = {
  s: 'seconds',
  ms: 'milliseconds',
  min: 'minutes',
  h: 'hours',
  d: 'days',
  By: 'bytes',
}
const WORD = /^[a-z][a-z0-9_]+$/

/** The end of a metric's name that says its unit: `seconds`, `cents`. Undefined: what is counted says it (`{order}`). */
export function unitSuffix(unit: string): string | undefined {
  return SUFFIXES[unit] ?? (WORD.test(unit) ? unit : undefined)
}

/** The name of a metric in Prometheus, without `_total`: `emaki.append.duration` is `emaki_append_duration_seconds`. */
export function prometheusName(name: string, { unit }: { readonly unit: string }): string {
  const base = prometheusLabel(name)
  const suffix = unitSuffix(unit)
  return suffix && !base.endsWith(`_${suffix}`) ? `${base}_${suffix}` : base
}

/** The name of an attribute in Prometheus. */
export function prometheusLabel(name: string): string {
  return name.replaceAll('.', '_')
}

/** The first words of names that others have: our own metrics, those of OpenTelemetry, and those of Prometheus. */
export const FIRST_WORDS_TAKEN: readonly string[] = [
  ...['emaki', 'http', 'process', 'nodejs', 'v8js', 'db', 'rpc', 'messaging', 'dns', 'system', 'container', 'k8s'],
  ...['otel', 'target', 'scrape', 'up', 'prometheus'],
]
const LAST_WORDS_TAKEN = ['total', 'count', 'sum', 'bucket', 'info', 'created']

/** Throws a TypeError for a name that no metric of a user can have. The letters are checked before. */
export function checkMetricName(where: string, name: string): void {
  const words = name.split('_')
  const [first, last] = [words[0]!, words.at(-1)!]
  if (FIRST_WORDS_TAKEN.includes(first))
    throw new TypeError(`${where}: names that begin with ${first} are those of other metrics; begin with another word`)
  if (LAST_WORDS_TAKEN.includes(last))
    throw new TypeError(`${where}: Prometheus puts _${last} at the end of names itself; leave it out`)
}

/** Throws a TypeError for a unit that no name can say. */
export function checkUnit(where: string, unit: string): void {
  if (!(unit in SUFFIXES || WORD.test(unit) || /^\{[a-z][a-z0-9_ ]*\}$/.test(unit)))
    throw new TypeError(
      `${where}: a unit is one of ${Object.keys(SUFFIXES).join(', ')}, a word of small letters such as cents, or what is counted, such as {order}; found ${unit}`,
    )
}

const ATTRIBUTES_TAKEN = ['le', 'quantile', 'job', 'instance']

/** Throws a TypeError for an attribute that Prometheus does not take, or gives itself. */
export function checkAttribute(where: string, name: string): void {
  if (!/^[A-Za-z][A-Za-z0-9_]{0,50}$/.test(name))
    throw new TypeError(`${where}: an attribute is letters, digits and _, and begins with a letter; found ${name}`)
  if (ATTRIBUTES_TAKEN.includes(name))
    throw new TypeError(`${where}: Prometheus gives ${name} a meaning of its own; choose another name`)
}
