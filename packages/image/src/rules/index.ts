/**
 * The rules that decide about paths. Which rules there are by default is said in `SYSEXT_RULES`
 * of classes/image-sysext.bbclass.
 */

export { readAllowances } from "./allowances.js";
export { anyOf, parseRules, pathMatcher, ruleFor, type Rule, type RuleAction } from "./rules.js";
