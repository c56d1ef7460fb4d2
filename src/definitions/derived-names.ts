// The names in the store that are made of the names of definitions: of tables, checkpoints and leases.
import type { ProcessSpec } from './process/process.ts'
import { instancesOf, subscriptionOf } from './process/instance.ts'
import { type ProjectionSpec, projectionOf, tableOf } from './projection/projection.ts'
import { type SqlProjectionSpec, subscriptionOf as subscriptionOfSql } from './projection/sql-projection.ts'

/** A definition with tables of its own. */
type Kept = ProcessSpec | ProjectionSpec | SqlProjectionSpec

/**
 * Throws a TypeError if two definitions would have one name in the store, whatever the version of a projection: tables
 * of former versions are found by the rest of their names.
 */
export function checkDerivedNames(definitions: readonly Kept[]): void {
  const owners = new Map<string, Kept>()
  for (const definition of definitions)
    for (const name of derivedNamesOf(definition)) {
      const other = owners.get(name)
      if (other)
        throw new TypeError(
          `the ${kindOf(other)} ${other.name} and the ${kindOf(definition)} ${definition.name} would have one name in the store, ${name}: rename one`,
        )
      owners.set(name, definition)
    }
}

function kindOf(definition: Kept): string {
  return 'measured' in definition ? 'measure' : definition.kind
}

function derivedNamesOf(definition: Kept): readonly string[] {
  const { kind } = definition
  if (kind === 'process') return [everyVersion(tableOf(instancesOf(definition))), subscriptionOf(definition)]
  if (kind === 'sql-projection') return [everyVersion(subscriptionOfSql(definition)), subscriptionOfSql(definition)]
  const names = [everyVersion(tableOf(definition)), tableOf(definition)]
  return [...names, ...names.map(name => `rebuild_${name}`)]
}

function everyVersion(table: string): string {
  return `${projectionOf(table)}_v…`
}
