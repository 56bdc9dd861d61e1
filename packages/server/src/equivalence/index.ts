/** Hash equivalence: BitBake's protocol (`session.ts`, `commands/`), and the database behind it (`database.ts` is the seam). */
export { HashListeners, readHashAddress, type HashAddress } from "./listeners.js";
export type { EquivalenceContext } from "./context.js";
export type { EquivalenceDatabase, HashKey, OutputRow, ReportedOutput } from "./database.js";
export { openEmbeddedDatabase } from "./embedded/embedded-database.js";
export { openPostgresDatabase } from "./postgres/postgres-database.js";
export { hashUserToken, mayBeAnonymous } from "./permissions.js";
export { Statistics } from "./statistics.js";
