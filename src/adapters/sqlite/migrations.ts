/// <reference path="../../sql.d.ts" />
import log from '../../../migrations/sqlite/0001-log.sql' with { type: 'text' }
import readModels from '../../../migrations/sqlite/0002-read-models.sql' with { type: 'text' }
import suspects from '../../../migrations/sqlite/0011-suspects.sql' with { type: 'text' }
import imports from '../../../migrations/sqlite/0020-import.sql' with { type: 'text' }
import agenda from '../../../migrations/sqlite/0021-agenda.sql' with { type: 'text' }
import fingerprints from '../../../migrations/sqlite/0027-fingerprints.sql' with { type: 'text' }
import starts from '../../../migrations/sqlite/0028-starts.sql' with { type: 'text' }
import importsById from '../../../migrations/sqlite/0029-imports.sql' with { type: 'text' }
import sentKeys from '../../../migrations/sqlite/0031-sent-keys.sql' with { type: 'text' }
import refusals from '../../../migrations/sqlite/0035-refusals.sql' with { type: 'text' }
import samples from '../../../migrations/sqlite/0036-samples.sql' with { type: 'text' }
import promises from '../../../migrations/sqlite/0037-promises.sql' with { type: 'text' }
import type { Migration } from '../../ports/store/migration.ts'

export const migrations: readonly Migration[] = [
  { name: '0001-log', sql: log },
  { name: '0002-read-models', sql: readModels },
  { name: '0011-suspects', sql: suspects },
  { name: '0020-import', sql: imports },
  { name: '0021-agenda', sql: agenda },
  { name: '0027-fingerprints', sql: fingerprints },
  { name: '0028-starts', sql: starts },
  { name: '0029-imports', sql: importsById },
  { name: '0031-sent-keys', sql: sentKeys },
  { name: '0035-refusals', sql: refusals },
  { name: '0036-samples', sql: samples },
  { name: '0037-promises', sql: promises },
]
