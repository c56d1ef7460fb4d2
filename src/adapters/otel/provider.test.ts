import { useTracing } from '../../test-support/tracing.ts'
import { describe, expect, test } from 'bun:test'
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { telemetry } from './index.ts'
import { findSpan, inSpan, tracer, tracerProvider } from '../../test-support/tracing.ts'

useTracing()

describe('a tracerProvider of the caller', () => {
  test('a tracerProvider of the caller is flushed at the end, and left running', async () => {
    let flushed = 0
    const yours = { getTracer: () => tracer, forceFlush: async () => void flushed++ }
    const { shutdown } = await telemetry({ tracerProvider: yours })
    await shutdown()
    expect(flushed).toBe(1)
    inSpan('later', () => {})
    expect(findSpan('later').ended).toBe(true)
  })

  test('a tracerProvider without a context manager is refused, as each span would be alone', async () => {
    context.disable()
    try {
      await expect(telemetry({ tracerProvider })).rejects.toThrow('a tracerProvider needs a context manager')
    } finally {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    }
  })
})
