import { describe, expect, test } from 'bun:test'
import { PageRefused, RunFailure } from '../../ports/read-model/page-refused.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { pageError, storeError } from './errors.ts'

const postgresError = (code: string) => Object.assign(new Error('m'), { name: 'PostgresError', code })
const meaningOf = (error: unknown) =>
  error instanceof StoreError ? error.reason : error instanceof PageRefused ? 'page' : 'other'

describe('an error of a page on PostgreSQL', () => {
  const meanings = {
    '22003': 'page',
    '22008': 'page',
    '22021': 'page',
    '23514': 'page',
    '54000': 'page',
    '42501': 'unavailable',
    '42P01': 'unavailable',
    '53100': 'full',
    '53200': 'unavailable',
    '55P03': 'unavailable',
    '57014': 'unavailable',
    '40P01': 'unavailable',
    CONNECTION_CLOSED: 'unknown',
  }
  test.each(Object.entries(meanings))('an error of a page on PostgreSQL with code %s is of %s', (code, meaning) => {
    expect(meaningOf(pageError(storeError(postgresError(code), 'unknown')))).toBe(meaning)
  })

  test.each([
    ['42P01', 'page'],
    ['23505', 'page'],
    ['53100', 'full'],
    ['40P01', 'unavailable'],
    ['57014', 'unavailable'],
    ['CONNECTION_CLOSED', 'unavailable'],
  ])('an error of the statements of a page on PostgreSQL with code %s is of %s', (code, meaning) => {
    expect(meaningOf(pageError(new RunFailure(postgresError(code))))).toBe(meaning)
  })

  test('an error that the code of a page throws is of the page, with the error as its cause', () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    const error = pageError(new RunFailure(cause))
    expect([meaningOf(error), (error as Error).cause]).toEqual(['page', cause])
  })
})
