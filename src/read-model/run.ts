import type { NewPage } from './read-model.ts'

/** Commits a page and throws what its `run` threw as it was, whatever a database made of it on the way out. */
export async function throughRun(page: NewPage, commit: (page: NewPage) => Promise<boolean>): Promise<boolean> {
  const { run } = page
  if (!run) return commit(page)
  let thrown: { readonly error: unknown } | null = null
  const noted = (error: unknown): never => {
    thrown = { error }
    throw error
  }
  try {
    return await commit({
      ...page,
      run: sql => {
        try {
          const result = run(sql)
          return result instanceof Promise ? result.catch(noted) : result
        } catch (error) {
          return noted(error)
        }
      },
    })
  } catch (error) {
    throw thrown ? (thrown as { readonly error: unknown }).error : error
  }
}
