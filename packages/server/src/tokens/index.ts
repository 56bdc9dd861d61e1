/** Who may read, push and prune: hashed tokens in a file that is read again when it changes, and how often one may guess. */
export { addToken, listTokens, removeToken, SCOPES, Tokens, type Holder, type Scope } from "./tokens.js";
export { Guesses } from "./guesses.js";
