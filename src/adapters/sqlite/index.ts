export { migrateSqlite } from './migrate.ts'
export { type SqliteOptions, sqlite } from './store.ts'
