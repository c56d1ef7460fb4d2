/** Whether an environment, by its NODE_ENV, is production: each is, but `development`, `test` and one that is not named. */
export function isProduction(environment: string | undefined): boolean {
  return environment !== undefined && environment !== '' && environment !== 'development' && environment !== 'test'
}

/** Whether this process is in production. Not by process.env: a bundler may write its NODE_ENV into the code. */
export const IS_PRODUCTION: boolean = isProduction(Bun.env['NODE_ENV'])
