import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Entry } from '../../ports/cache/cache.ts'
import manifest from '../../../package.json' with { type: 'json' }
import { parseEntry, writeEntry } from './entry.ts'
import { VERSION } from './packages.ts'
import { anyUnit } from '../../test-support/any-text.ts'

const text = fc.string({ unit: anyUnit })
const time = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const entry: fc.Arbitrary<Entry> = fc.record({
  body: fc.json(),
  etag: text,
  position: time,
  tags: fc.array(text),
  builtAt: time,
  freshUntil: time,
  staleUntil: time,
})

describe('an entry in Redis', () => {
  test('an entry in Redis is read as it was written', () => {
    fc.assert(fc.property(entry, one => expect(parseEntry(writeEntry(one))).toEqual(one)))
  })

  test('an entry in Redis is no entry where a part of it is missing, wherever it was cut', () => {
    const property = fc.property(entry, fc.nat(), (one, at) => {
      const whole = writeEntry(one)
      expect(parseEntry(whole.slice(0, at % whole.length))).toBeNull()
    })
    fc.assert(property)
  })

  test('a value in Redis that is something else is no entry', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          text,
          fc.json(),
          fc.json().map(json => `${json}\n`),
        ),
        other => expect(parseEntry(other)).toBeNull(),
      ),
    )
  })
})

test('without ioredis the error names the version that we are tested with', () => {
  expect([manifest.peerDependencies.ioredis, manifest.devDependencies.ioredis]).toEqual([VERSION, VERSION])
})
