// What the shell and curl make of a line of a page, as far as the pages need it.
import { until } from '../../src/test-support/servers/until.ts'

export type Answer = { readonly status: number; readonly text: string }

/** Sends a line's request to a server. What is read contains all up to `position`, unless the line itself names one. */
export async function curl(line: string, server: string, position?: number): Promise<Answer> {
  const { path, isStream, method, headers, body } = requestOf(line)
  const url = `${server}${path}`
  if (isStream) return firstEvent(url, headers)
  const isRead = method === 'GET' && position !== undefined
  if (isRead && !headers.has('Min-Position')) headers.set('Min-Position', String(position))
  const canWait = isRead && headers.get('Min-Position') === String(position)
  const answers: Answer[] = []
  // What follows from a command is not there at once.
  await until(`the log is at ${position}`, async () => {
    const answer = await fetch(url, { method, headers, ...(body && { body }) })
    answers.push({ status: answer.status, text: await answer.text() })
    return !canWait || answer.status !== 409
  })
  return answers.at(-1)!
}

function requestOf(line: string) {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!)
  const valuesOf = (flag: string) => words.flatMap((word, i) => (words[i - 1] === flag ? [word] : []))
  const isKnown = (word: string, i: number) => /^(-[HXdNi]$|localhost:3000\/)/.test(word) || /^-[HXd]$/.test(words[i - 1] ?? '')
  const unknown = words.filter((word, i) => !isKnown(word, i))
  if (unknown.length > 0) throw new TypeError(`curl ${line}: no test knows ${unknown.join(' ')}`)
  const [method = 'GET'] = valuesOf('-X')
  return {
    path: words.find(word => word.startsWith('localhost:3000'))!.replace('localhost:3000', ''),
    isStream: words.includes('-N'),
    method,
    headers: new Headers(valuesOf('-H').map(header => header.split(': ') as [string, string])),
    body: valuesOf('-d')[0],
  }
}

/** Follows a stream up to its first event. */
async function firstEvent(url: string, headers: Headers): Promise<Answer> {
  const answer = await fetch(url, { headers })
  let text = ''
  for await (const chunk of answer.body!) {
    text += new TextDecoder().decode(chunk)
    if (/^data:.*\n/m.test(text)) break
  }
  return { status: answer.status, text }
}
