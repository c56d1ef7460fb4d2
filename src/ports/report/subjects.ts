// Whom a record is about. Definitions have names, and so has each part of an app: there are not many.
import type { NoticeFields } from './notice.ts'

/** The fields that name it. Where a record has several, the first says it best. */
const SUBJECTS = 'subscription owner command projection process schedule detector check part store promise'.split(' ')

/** All subjects of a record, the best one first: `subscription orders_v1`, `part log`. */
export function subjectsOf(fields: NoticeFields): readonly string[] {
  return SUBJECTS.flatMap(name => (typeof fields[name] === 'string' ? [`${name} ${fields[name]}`] : []))
}

/** The name of whom a record is about, without its kind: `orders_v1`. Empty: it is about nobody. */
export function subjectNameOf(fields: NoticeFields): string {
  return String(SUBJECTS.map(name => fields[name]).find(one => typeof one === 'string') ?? '')
}
