/** `@tsbake/sstate/remote`: a shared-state server as its clients see it. Only who has one loads it. */
export {
  API_HEADER,
  API_VERSION,
  DIGEST_HEADER,
  digestHeader,
  digestInHeader,
  EXISTS_PATH,
  ExistsAnswer,
  ExistsRequest,
  LONGEST_SIGNATURE_HEADER,
  PRUNE_PATH,
  type PruneAnswer,
  PruneQuestion,
  SIGNATURE_HEADER,
} from "./api.js";
export { existAt } from "./exists.js";
export { RemoteEquivalences } from "./equivalences.js";
export { HashClient, type HashOutput, type TaskHashKey } from "./hash-client.js";
export { readHashServer, type HashServer } from "./hash-connection.js";
export { Pusher, type PushSummary } from "./push.js";
