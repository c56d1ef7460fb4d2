import { expect, test } from 'bun:test'
import { explainThrottling, readThrottledMs } from './processor-time.ts'

test('the time of being held back is read from both versions of control groups, of the group of the process, and is unknown elsewhere', async () => {
  const files = (own: Readonly<Record<string, string>>) => async (file: string) => {
    const text = own[file]
    if (text === undefined) throw new Error('ENOENT')
    return text
  }
  const newer = 'usage_usec 900\nnr_periods 10\nnr_throttled 4\nthrottled_usec 1500000\n'
  expect(await readThrottledMs(files({ '/sys/fs/cgroup/cpu.stat': newer }))).toBe(1_500)
  const older = 'nr_periods 10\nnr_throttled 4\nthrottled_time 1500000000\n'
  expect(await readThrottledMs(files({ '/sys/fs/cgroup/cpu/cpu.stat': older }))).toBe(1_500)
  expect(await readThrottledMs(files({}))).toBeNull()
  // A service of systemd has a group of its own below the root.
  const newerGroups = { '/proc/self/cgroup': '0::/system.slice/shop.service\n', '/sys/fs/cgroup/cpu.stat': 'usage_usec 1\n' }
  expect(await readThrottledMs(files({ ...newerGroups, '/sys/fs/cgroup/system.slice/shop.service/cpu.stat': newer }))).toBe(1_500)
  const olderGroups = { '/proc/self/cgroup': '4:memory:/a\n1:cpu,cpuacct:/b\n0::/\n' }
  expect(await readThrottledMs(files({ ...olderGroups, '/sys/fs/cgroup/cpu,cpuacct/b/cpu.stat': older }))).toBe(1_500)
})

test('a process that is held back for a quarter of its time is named, and one that is so for less is not', () => {
  expect(explainThrottling(249, 1_000)).toBeNull()
  expect(explainThrottling(250, 1_000)).toMatchObject({
    cause: 'cpu',
    sentence: 'The system held this process back for 250 ms within 1.0 s, as it has used up its share of the processor.',
  })
})
