import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { applicationName } from './application-name.ts'

test('a session is named for its host, its process and its use', () => {
  expect(applicationName('writer', { host: 'web-7d9f', pid: 1 })).toBe('emaki web-7d9f:1 writer')
})

test('whatever the host is called, the name fits into what PostgreSQL keeps, and ends with process and use', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', '-', ' ', 'ä', '😀'), { maxLength: 90 }), fc.nat(4_194_304), (letters, pid) => {
      const name = applicationName('announcer', { host: letters.join(''), pid })
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63)
      expect(name).toStartWith('emaki ')
      expect(name).toEndWith(`:${pid} announcer`)
    }),
  )
})
