/** A .deb as any format can say it, and the pool in which what was made of it lies. */
/** @public what a writer of another format begins with */
export { neutralPackage, type NeutralPackage, type NeutralRelations } from "./neutral.js";
export { packedPayload, type PackedPayload } from "./payload.js";
export { repackaged, type PackageWriter } from "./pool.js";
