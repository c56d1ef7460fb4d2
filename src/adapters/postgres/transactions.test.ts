import { expect, jest, test } from 'bun:test'
import { testPostgres } from '../../test-support/servers/postgres.ts'
import { Transactions } from './transactions.ts'

const options = { max: 2, prepare: false, session: {}, deadlineMs: 60_000, connectTimeoutMs: 60_000 }

test('a transaction that does not end within the deadline is given up with its session, and leaves nothing', async () => {
  const { url } = await testPostgres()
  const late = new Transactions(url, options)
  const [started, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let sent = 0
  // It connects while time goes by.
  await late.run(async () => true)
  jest.useFakeTimers()
  const whole = late.run(async tx => {
    await tx`create table public.late (n integer)`
    started.resolve()
    await ended.promise
    sent++
    await tx`insert into public.late values (1)`
    sent++
    return true
  }, 150)
  await started.promise
  jest.advanceTimersByTime(150)
  jest.useRealTimers()
  await expect(whole).rejects.toMatchObject({ name: 'StoreError', reason: 'unknown' })
  ended.resolve()
  const isMissing = (table: string) =>
    late.run(async tx => (await tx`select to_regclass(${table}) is null as none`)[0]!['none'] === true)
  expect(await isMissing('public.late')).toBeTrue()
  expect(sent).toBe(1)
  await late.close()
})

test('no more transactions run at once than the bound, and those that wait come in turn', async () => {
  const { url } = await testPostgres()
  const transactions = new Transactions(url, options)
  let running = 0
  let most = 0
  const order: number[] = []
  const both = Promise.withResolvers<void>()
  await Promise.all(
    Array.from({ length: 7 }, (_, i) =>
      transactions.run(async tx => {
        order.push(i)
        most = Math.max(most, ++running)
        if (running === 2) both.resolve()
        await both.promise
        await tx`select 1`
        running--
        return i % 2 === 0
      }),
    ),
  ).then(done => expect(done).toEqual([true, false, true, false, true, false, true]))
  expect(most).toBe(2)
  expect(order.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6])
  await transactions.close()
  await expect(transactions.run(async () => true)).rejects.toMatchObject({ reason: 'unavailable' })
})
