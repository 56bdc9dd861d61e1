/** Every rule, and so every code that a check can find; the manual has the same table. */
import type { Code } from "../finding.js";
import { accounts } from "./accounts.js";
import { caches } from "./caches.js";
import { clashes } from "./clashes.js";
import { confext } from "./confext.js";
import { enabled } from "./enabled.js";
import { kernel } from "./kernel.js";
import { libraries } from "./libraries.js";
import { links } from "./links.js";
import { needs } from "./needs.js";
import { programs } from "./programs.js";
import { rebuild } from "./rebuild.js";
import { required } from "./required.js";
import type { CheckRule } from "./rule.js";
import { scripts } from "./scripts.js";
import { unsafePath } from "./unsafe-path.js";

export const RULES: readonly CheckRule[] = [
  libraries,
  scripts,
  programs,
  links,
  accounts,
  clashes,
  caches,
  kernel,
  enabled,
  required,
  needs,
  confext,
  unsafePath,
  rebuild,
];

/** Sorted by code. */
export const CODES: readonly Code[] = RULES.flatMap(({ codes }) => codes).sort((left, right) =>
  left.code < right.code ? -1 : 1,
);
