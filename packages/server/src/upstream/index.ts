/** Another server behind this one (`--upstream`, `--hash-upstream`): its objects, and its hash equivalences. */
export { UpstreamStorage } from "./upstream-storage.js";
export { withUpstream } from "./upstream-database.js";
