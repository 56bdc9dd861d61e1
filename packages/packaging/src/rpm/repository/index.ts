/** An rpm repository's metadata, read. */
export { packagesOfPrimary } from "./primary.js";
export { readRepomd, type PrimaryPlace } from "./repomd.js";
export { XmlFault } from "./xml.js";
