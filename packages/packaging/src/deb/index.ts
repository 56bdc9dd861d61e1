/**
 * Debian packages: reads and writes them, has apt solve and dpkg install them, carries dpkg's database from
 * one root to the next. Its parts that lay out, compare and configure serve the formats whose packages are made of Debian's, too.
 */
export { readDebDatabase } from "./database.js";
export {
  parseRelations,
  parseStanzas,
  writeStanza,
  type Relation,
  type Stanza,
  type Stanzas,
} from "./stanza.js";
export { debName, debRelations, debVersion, debWish, isDebName, isDebVersion } from "./names.js";
export { compareDebVersions, meets } from "./version.js";
export { openDebBackend } from "./backend.js";
export { parseSimulation, type SimulatedStep } from "./solve.js";
export { explainDpkg, type DpkgFailure } from "./dpkg-output.js";
export { scriptEffects } from "./scripts/script-effects.js";
export { scriptModes, type ScriptModes } from "./scripts/script-modes.js";
export { type AlternativeLink } from "./scripts/alternatives.js";
export { type ModeRule, type UnreadMode } from "./scripts/mode-commands.js";
export { extendedStates, readAutomatic, statesAfter } from "./auto-installed.js";
export { openOverrides, type Overrides } from "./overrides.js";
export { removalsOf, type Removals } from "./removals.js";
export { installedScripts } from "./skipped.js";
export { completeRoot, normaliseRoot } from "./normalise.js";
export {
  PER_DEVICE,
  firstBootUnits,
  scriptThatMakes,
  unitFiles,
  type FirstBootUnit,
  type PerDevice,
} from "./per-device/index.js";
export { parseListing, type ListedEntry } from "../layout/index.js";
export { readControl, type ControlMembers } from "../contents/index.js";
