/// <reference path="../../sql.d.ts" />
import log from '../../../migrations/postgres/0001-log.sql' with { type: 'text' }
import immutable from '../../../migrations/postgres/0002-immutable.sql' with { type: 'text' }
import append from '../../../migrations/postgres/0003-append.sql' with { type: 'text' }
import appendFailed from '../../../migrations/postgres/0004-append-failed.sql' with { type: 'text' }
import load from '../../../migrations/postgres/0005-load.sql' with { type: 'text' }
import upkeep from '../../../migrations/postgres/0006-upkeep.sql' with { type: 'text' }
import readModels from '../../../migrations/postgres/0007-read-models.sql' with { type: 'text' }
import rowTables from '../../../migrations/postgres/0008-row-tables.sql' with { type: 'text' }
import leases from '../../../migrations/postgres/0009-leases.sql' with { type: 'text' }
import eventTypes from '../../../migrations/postgres/0010-event-types.sql' with { type: 'text' }
import suspects from '../../../migrations/postgres/0011-suspects.sql' with { type: 'text' }
import imports from '../../../migrations/postgres/0020-import.sql' with { type: 'text' }
import agenda from '../../../migrations/postgres/0021-agenda.sql' with { type: 'text' }
import keysByIndex from '../../../migrations/postgres/0022-keys-by-index.sql' with { type: 'text' }
import appendV2 from '../../../migrations/postgres/0023-append-v2.sql' with { type: 'text' }
import appendV1Again from '../../../migrations/postgres/0024-append-v1-again.sql' with { type: 'text' }
import fingerprints from '../../../migrations/postgres/0027-fingerprints.sql' with { type: 'text' }
import starts from '../../../migrations/postgres/0028-starts.sql' with { type: 'text' }
import importsById from '../../../migrations/postgres/0029-imports.sql' with { type: 'text' }
import home from '../../../migrations/postgres/0030-home.sql' with { type: 'text' }
import planOnce from '../../../migrations/postgres/0031-plan-once.sql' with { type: 'text' }
import jsonOfText from '../../../migrations/postgres/0033-json-of-text.sql' with { type: 'text' }
import sentKeys from '../../../migrations/postgres/0034-sent-keys.sql' with { type: 'text' }
import refusals from '../../../migrations/postgres/0037-refusals.sql' with { type: 'text' }
import loadMeta from '../../../migrations/postgres/0039-load-meta.sql' with { type: 'text' }
import samples from '../../../migrations/postgres/0040-samples.sql' with { type: 'text' }
import takeovers from '../../../migrations/postgres/0042-takeovers.sql' with { type: 'text' }
import appendV4 from '../../../migrations/postgres/0043-append-v4.sql' with { type: 'text' }
import promises from '../../../migrations/postgres/0044-promises.sql' with { type: 'text' }
import type { Migration } from '../../ports/store/migration.ts'
import appendRows from '../../../migrations/postgres/0035-append-rows.sql' with { type: 'text' }

export const migrations: readonly Migration[] = [
  { name: '0001-log', sql: log },
  { name: '0002-immutable', sql: immutable },
  { name: '0003-append', sql: append },
  { name: '0004-append-failed', sql: appendFailed },
  { name: '0005-load', sql: load },
  { name: '0006-upkeep', sql: upkeep },
  { name: '0007-read-models', sql: readModels },
  { name: '0008-row-tables', sql: rowTables },
  { name: '0009-leases', sql: leases },
  { name: '0010-event-types', sql: eventTypes },
  { name: '0011-suspects', sql: suspects },
  { name: '0020-import', sql: imports },
  { name: '0021-agenda', sql: agenda },
  { name: '0022-keys-by-index', sql: keysByIndex },
  { name: '0023-append-v2', sql: appendV2 },
  { name: '0024-append-v1-again', sql: appendV1Again },
  { name: '0027-fingerprints', sql: fingerprints },
  { name: '0028-starts', sql: starts },
  { name: '0029-imports', sql: importsById },
  { name: '0030-home', sql: home },
  { name: '0031-plan-once', sql: planOnce },
  { name: '0033-json-of-text', sql: jsonOfText },
  { name: '0034-sent-keys', sql: sentKeys },
  { name: '0035-append-rows', sql: appendRows },
  { name: '0037-refusals', sql: refusals },
  { name: '0039-load-meta', sql: loadMeta },
  { name: '0040-samples', sql: samples },
  { name: '0042-takeovers', sql: takeovers },
  { name: '0043-append-v4', sql: appendV4 },
  { name: '0044-promises', sql: promises },
]
