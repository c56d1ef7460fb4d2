// What every agenda promises, a file for each promise.
import { contract } from '../../../test-support/contract.ts'
import type { AgendaCase, TestedAgenda } from './case.ts'
import { pages } from './pages.ts'
import { due } from './due.ts'
import { endings } from './endings.ts'
import { schedule } from './schedule.ts'
import { keys } from './keys.ts'

/** Tests an agenda: each case gets one of its own. */
export function agendaContract(name: string, make: () => Promise<TestedAgenda>): void {
  contract(`the agenda of ${name}`, agendaCases, make)
}

export const agendaCases: readonly AgendaCase[] = [pages, due, endings, schedule, keys].flat()
