// The penalty on virtual time, for the hand-made sample of the log; penalty.races.ts has the real one.
import { expect, test } from 'bun:test'
import { after, processManager } from 'emaki'
import { Fine, fine } from './fine.ts'
import { daysOf, logOf, penaltiesOf, places, replayed, SAMPLE } from './testing/happening.ts'
import { testPenalty } from './penalty.cases.ts'

testPenalty('memory')
testPenalty('SQLite')

test('a penalty that is added a day early is found by this test', async () => {
  const early = processManager('penalty', {
    from: Fine,
    to: fine,
    begins: 'NotificationInserted',
    initial: {},
    evolve: {},
    react: {
      NotificationInserted: (_, { day }, { instance }) => after('59 days', 'penalty', fine.addPenalty(instance, { day })),
    },
    on: { rejected: () => [] },
  })
  const log = await logOf(SAMPLE)
  expect(daysOf(await replayed(await places['memory']!(), log, early))).not.toEqual(daysOf(penaltiesOf(log)))
})
