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
  MOST_NAMES,
  SIGNATURE_HEADER,
} from "./api.js";
