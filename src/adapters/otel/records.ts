// Sends records: those that an app prints, with the names that they have there.
import type { Attributes, Context } from '@opentelemetry/api'
import type { ErrorRecord, LogRecord } from '../../ports/report/record.ts'
import { logPackages } from './packages.ts'
import { type End, endProvider, type Sdk } from './sdk.ts'
import { protocolOf } from './signals.ts'

/** Sends records in batches, by the variables OTEL_BLRP_*. */
export async function openRecords(sdk: Sdk): Promise<{ readonly send: (record: LogRecord) => void; readonly end: End }> {
  const { sdk: logs, exporter } = await logPackages(protocolOf('logs', process.env))
  const { getNumberFromEnv } = sdk.core
  const provider = new logs.LoggerProvider({
    resource: sdk.resource,
    processors: [
      new logs.BatchLogRecordProcessor({
        exporter: new exporter.OTLPLogExporter(),
        scheduledDelayMillis: getNumberFromEnv('OTEL_BLRP_SCHEDULE_DELAY') ?? 1_000,
        exportTimeoutMillis: getNumberFromEnv('OTEL_BLRP_EXPORT_TIMEOUT') ?? 30_000,
        maxQueueSize: getNumberFromEnv('OTEL_BLRP_MAX_QUEUE_SIZE') ?? 2_048,
        maxExportBatchSize: getNumberFromEnv('OTEL_BLRP_MAX_EXPORT_BATCH_SIZE') ?? 512,
      }),
    ],
  })
  const logger = provider.getLogger('emaki')
  const send = (record: LogRecord) => {
    const { timestamp, severityText, severityNumber, body, error, ...fields } = record
    logger.emit({
      timestamp: new Date(timestamp),
      severityText,
      severityNumber,
      body,
      attributes: { ...attributesOf(fields), ...(error && exceptionOf(error)) },
      context: contextOf(sdk, fields['traceId']),
    })
  }
  return { send, end: () => endProvider(provider) }
}

function attributesOf(fields: Readonly<Record<string, unknown>>): Attributes {
  const scalar = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : (value as string | number | boolean))
  const known = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(known.map(([name, value]) => [name, scalar(value)]))
}

function exceptionOf(error: ErrorRecord): Attributes {
  return { 'exception.type': error.name, 'exception.message': error.message, 'exception.stacktrace': stackOf(error) }
}

function stackOf({ name, message, stack, cause }: ErrorRecord): string {
  const own = stack ?? `${name}: ${message}`
  return cause ? `${own}\nbecause of ${stackOf(cause)}` : own
}

/** The running span, if the record is of its trace. A record of another trace, or of none, names it as `traceId` alone. */
function contextOf({ api }: Sdk, traceId: unknown): Context {
  const active = api.context.active()
  const isOther = traceId !== undefined && api.trace.getSpanContext(active)?.traceId !== traceId
  return isOther ? api.ROOT_CONTEXT : active
}
