/// <reference path="../../lua.d.ts" />
// Scripts that Redis runs as one step each.
import claim from './claim.lua' with { type: 'text' }
import get from './get.lua' with { type: 'text' }
import raise from './raise.lua' with { type: 'text' }
import release from './release.lua' with { type: 'text' }
import set from './set.lua' with { type: 'text' }

export type ScriptName = 'get' | 'set' | 'raise' | 'claim' | 'release'
export type Scripts = Readonly<Record<ScriptName, string>>

export const SCRIPTS: Scripts = { get, set, raise, claim, release }
