// flow: what leads to what in the app, drawn from its definitions.
import { buildFlow, drawFlow } from '../definitions/flow.ts'
import type { Verb } from './verb.ts'

export const flowVerb: Verb = {
  does: 'draw what leads to what: commands, deciders, events and their readers, as a Mermaid flowchart',
  json: true,
  run: async ({ serve, json }) => {
    const flow = buildFlow(serve)
    console.log(json ? JSON.stringify(flow) : drawFlow(flow))
    return 0
  },
}
