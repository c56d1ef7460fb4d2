// The names of options alone, for what is called often or loads little.
import { describeNames } from './nearest-name.ts'

const SHOWN_MAX = 80

/** Refuses what is no object, and options that there are not, whatever their values are. It costs some ns. */
export function checkOptionNames<Names extends string>(
  where: string,
  options: object,
  names: Readonly<Record<Names, true>>,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(`${where} takes an object of options, found ${Bun.inspect(options).slice(0, SHOWN_MAX)}`)
  for (const name in options)
    if (!Object.hasOwn(names, name))
      throw new TypeError(`${where} has no option ${name}; ${describeNames(name, Object.keys(names))}`)
}
