// A note on payloads in words. It has the name of a field and no value of one, but for numbers and closed lists.
import { type ShapeNote, WINDOW_EVENTS } from '../../definitions/detector/shape.ts'
import { minuteOf, shortNumber } from './describe-finding.ts'

/** A note in words: the change, what was usual, what was seen, and a sentence. */
export type NoteText = {
  readonly change: string
  readonly usual: string
  readonly seen: string
  readonly sentence: string
}

export function describeNote(note: ShapeNote): NoteText {
  const { change, usual, seen } = wordsOf(note)
  const place = `${note.path} of ${note.subject}`
  const sentence = `${place}: ${change} in ${WINDOW_EVENTS} events since ${minuteOf(note.since)}. Seen: ${seen}. Usual: ${usual}.`
  return { change, usual, seen, sentence }
}

function wordsOf(note: ShapeNote): Omit<NoteText, 'sentence'> {
  switch (note.change) {
    case 'presence':
      return {
        change: note.seen < note.usual ? 'absent more often' : 'there more often',
        ...{ usual: `there in ${percent(note.usual)}`, seen: `there in ${percent(note.seen)}` },
      }
    case 'values': {
      const listed = note.values.length ? ` (${note.values.join(', ')})` : ''
      return { change: 'new values', usual: `new in ${percent(note.usual)}`, seen: `new in ${percent(note.seen)}${listed}` }
    }
    case 'numbers':
      return {
        change: isLower(note) ? 'lower numbers' : 'higher numbers',
        ...{ usual: quantilesText(note.usual), seen: quantilesText(note.seen) },
      }
  }
}

function isLower({ usual, seen }: { readonly usual: readonly number[]; readonly seen: readonly number[] }): boolean {
  return seen.reduce((sum, one, i) => sum + Math.sign(one - usual[i]!), 0) < 0
}

const percent = (share: number) => `${shortNumber(share * 100)} %`
const quantilesText = ([low = 0, middle = 0, high = 0]: readonly number[]) =>
  `${shortNumber(middle)} (10 %: ${shortNumber(low)}, 90 %: ${shortNumber(high)})`
