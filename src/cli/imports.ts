// imports: shows the imports that have not ended, and gives one up.
import type { UnfinishedImport } from '../ports/store/import.ts'
import { EXIT } from './exit-codes.ts'
import { withStore } from './opened.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { table } from './table.ts'
import { type Call, Misused, type Verb } from './verb.ts'

export const importsVerb: Verb = {
  takes: '[end NAME]',
  does: 'show imports that were interrupted; import the same file again to go on, or give one up: what it has moved stays',
  json: true,
  run: call => (call.words.length ? endImport(call) : listImports(call)),
}

async function listImports(call: Call): Promise<number> {
  const found = await withStore(call, store => store.imports())
  if (call.json) console.log(JSON.stringify(found))
  else console.log(found.length ? importsTable(found) : 'no import is unfinished')
  return 0
}

async function endImport(call: Call): Promise<number> {
  const [act, name] = call.words
  if (act !== 'end' || name === undefined) throw new Misused('imports takes no words, or: end NAME')
  const ended = await withStore(call, async store => {
    const found = (await store.imports()).find(one => one.name === name)
    return found && (await store.endImport(name)) ? found : null
  })
  if (!ended) {
    console.error(`there is no unfinished import ${plain(name)}`)
    return EXIT.INPUT
  }
  const { source, moved } = ended
  if (call.json) console.log(JSON.stringify({ ended: name, moved }))
  else console.log(`ended the import of ${plain(source)}; ${moved} events of it stay in the log`)
  return 0
}

function importsTable(imports: readonly UnfinishedImport[]): string {
  const rows = imports.map(({ name, source, moved, total, beganAt }) => [beganAt, `${moved} of ${total}`, name, plain(source)])
  return table(['BEGAN', 'MOVED', 'NAME', 'SOURCE'].map(paintFor().bold), rows)
}
