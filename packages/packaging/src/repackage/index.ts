/** A .deb as any format can say it, and the pool in which what was made of it lies. */
export { neutralPackage, type NeutralPackage, type NeutralRelations, RELATION_FIELDS } from "./neutral.js";
export { packedPayload, type PackedPayload } from "./payload.js";
export { repackaged, type PackageWriter } from "./pool.js";
