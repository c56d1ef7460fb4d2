export { migratePostgres } from './migrate.ts'
export { type PostgresOptions, postgres } from './store.ts'
