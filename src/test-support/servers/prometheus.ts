// A real Prometheus and a real Alertmanager for tests, on free loopback ports, gone when the test process is gone.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, daemon } from './daemon.ts'
import { ensureDebian } from './debian.ts'
import { freePort } from './free-port.ts'
import { serverFolder, serverUser } from './server-user.ts'

export type PrometheusOptions = {
  /** The ports of loopback that are scraped, as job `marketplace`, or by job. */
  readonly scraped: readonly number[] | Readonly<Record<string, readonly number[]>>
  /** How often it scrapes and evaluates, in seconds. Default: 1. */
  readonly everySeconds?: number
  /** The text of a file of rules. */
  readonly rules?: string
  /** The port of an Alertmanager on loopback. */
  readonly alertmanager?: number
}

export type Sample = { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] }

export type PrometheusServer = Daemon & {
  /** The answer to an expression, now. */
  readonly query: (expr: string) => Promise<readonly Sample[]>
  /** The names of the alerts that fire, in order. */
  readonly firing: () => Promise<readonly string[]>
}

/** Starts Debian's Prometheus. */
export async function startPrometheus({
  scraped,
  rules,
  alertmanager,
  everySeconds = 1,
}: PrometheusOptions): Promise<PrometheusServer> {
  await ensureDebian(['prometheus'])
  const user = serverUser()
  const folder = serverFolder('prometheus', user)
  const port = freePort()
  const config = join(folder, 'prometheus.yml')
  const targets = (ports: readonly number[]) => [{ targets: ports.map(one => `127.0.0.1:${one}`) }]
  const prepare = (): void => {
    writeFileSync(join(folder, 'rules.yml'), rules ?? 'groups: []', { mode: 0o644 })
    const every = `${everySeconds}s`
    const jobs = Array.isArray(scraped) ? { marketplace: scraped } : (scraped as Readonly<Record<string, readonly number[]>>)
    const settings = {
      global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
      rule_files: ['rules.yml'],
      scrape_configs: Object.entries(jobs).map(([job_name, ports]) => ({ job_name, static_configs: targets(ports) })),
      ...(alertmanager && { alerting: { alertmanagers: [{ static_configs: targets([alertmanager]) }] } }),
    }
    writeFileSync(config, JSON.stringify(settings), { mode: 0o644 })
  }
  const paths = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`, '--enable-feature=exemplar-storage']
  const command = ['prometheus', ...paths, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn']
  const server = await daemon(command, {
    folder,
    user,
    port,
    prepare,
    ask: 'GET /-/ready HTTP/1.0\r\n\r\n',
    answer: 'HTTP/1.0 200',
  })
  const ask = async <T>(path: string): Promise<T> => {
    const answer = (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as Answer<T>
    if (answer.status !== 'success') throw new Error(`Prometheus answers ${path}: ${answer.error}`)
    return answer.data
  }
  return Object.assign(server, {
    query: async (expr: string) =>
      (await ask<{ readonly result: readonly Sample[] }>(`query?query=${encodeURIComponent(expr)}`)).result,
    firing: async () => {
      const { alerts } = await ask<{ readonly alerts: readonly Alert[] }>('alerts')
      return [...new Set(alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels['alertname']!))].toSorted()
    },
  })
}

type Answer<T> = { readonly status: string; readonly error?: string; readonly data: T }
type Alert = { readonly state: string; readonly labels: Readonly<Record<string, string>> }

/** Starts Debian's Alertmanager with the text of its configuration. */
export async function startAlertmanager(config: string): Promise<Daemon> {
  await ensureDebian(['prometheus-alertmanager'])
  const user = serverUser()
  const folder = serverFolder('alertmanager', user)
  const port = freePort()
  const path = join(folder, 'alertmanager.yml')
  const prepare = (): void => writeFileSync(path, config, { mode: 0o644 })
  const listen = [`--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address=']
  const command = ['prometheus-alertmanager', `--config.file=${path}`, `--storage.path=${join(folder, 'data')}`, ...listen]
  return daemon(command, { folder, user, port, prepare, ask: 'GET /-/ready HTTP/1.0\r\n\r\n', answer: 'HTTP/1.0 200' })
}
