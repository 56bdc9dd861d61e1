/** Packages and the database of opkg: read, written and solved here; no host has opkg. */
export { openIpkBackend } from "./backend.js";
export { ipkFields } from "./fields.js";
