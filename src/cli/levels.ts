// levels: which records a running server prints, and how to change that without a restart.
import { askServer, complain, failureText, refusalText } from './ask-server.ts'
import { type Call, Misused, textOf, type Verb } from './verb.ts'

type Shown = { readonly levels: string; readonly configured: string; readonly until: string | null }

export const levelsVerb: Verb = {
  takes: '[LEVELS]',
  does: 'show or set which records the server on PORT prints: info,request=off,retry=error',
  options: {
    for: { takes: 'TIME', does: "for how long they hold: '10 minutes'; default: until the server ends" },
    configured: { does: 'take those of LOG_LEVEL again' },
  },
  json: true,
  run: async call => {
    const { path, method } = requestOf(call)
    const answer = await askServer(call, path, { method }).catch(failureText)
    if (typeof answer === 'string') return complain(answer)
    if (!answer.ok) return complain(await refusalText(answer))
    const shown = (await answer.json()) as Shown
    console.log(call.json ? JSON.stringify(shown) : textOfLevels(shown))
    return 0
  },
}

function requestOf({ words, values }: Call): { readonly path: string; readonly method: string } {
  const [levels] = words
  const time = textOf(values, 'for')
  const isReset = values['configured'] === true
  if (isReset && (levels ?? time) !== undefined) throw new Misused('levels --configured takes no LEVELS and no --for')
  if (levels === undefined) {
    if (time !== undefined) throw new Misused('levels --for needs LEVELS')
    return { path: '/logs/levels', method: isReset ? 'DELETE' : 'GET' }
  }
  const asked = new URLSearchParams({ levels, ...(time !== undefined && { for: time }) })
  return { path: `/logs/levels?${asked}`, method: 'PUT' }
}

function textOfLevels({ levels, configured, until }: Shown): string {
  const end = until === null ? '' : ` until ${until}`
  return `${levels}${end}${levels === configured ? '' : `; LOG_LEVEL is ${configured}`}`
}
