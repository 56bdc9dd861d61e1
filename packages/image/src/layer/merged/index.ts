/**
 * An extension whose maintainer scripts run on the base's tree: what they made, and what an extension can carry of it.
 */
export { newAccounts, parseAccounts, sysusersText, type AccountLine, type Accounts } from "./accounts.js";
export { stableIds } from "./stable-ids.js";
export { translate, type Translated } from "./translate.js";
