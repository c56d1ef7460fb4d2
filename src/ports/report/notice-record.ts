import { Notice } from './notice.ts'
import { errorRecord, type LogRecord, logRecord } from './record.ts'
import { withoutSecrets } from './secrets.ts'

/**
 * Makes the record of a problem, without secrets. An error that is no notice has the code `unexpected`. `at` is in ms
 * since 1970.
 */
export function recordOf(problem: unknown, at: number, secrets: readonly string[] = []): LogRecord {
  return withoutSecrets(wholeRecordOf(problem, at), secrets)
}

function wholeRecordOf(problem: unknown, at: number): LogRecord {
  if (!(problem instanceof Notice)) {
    const error = errorRecord(problem)
    return logRecord('error', error.message, { code: 'unexpected', error }, at)
  }
  const { level, code, message, fields, cause } = problem
  return logRecord(level, message, { code, ...fields, ...(cause !== undefined && { error: errorRecord(cause) }) }, at)
}
