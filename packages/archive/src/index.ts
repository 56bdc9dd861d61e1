export {
  bestCompression,
  compressionOfBytes,
  compressionOfName,
  decompress,
  hasProgram,
  plainEnvironment,
  type Compression,
} from "./compression.js";
export { packTree, packTrees, type PackFolder, type PackOptions } from "./pack.js";
export { checkTar, unpackTar, type CheckOptions, type UnpackOptions } from "./unpack.js";
export type { ScanResult } from "./scan.js";
export { readTar, tarOf, type NewTarEntry, type TarEntry, type TarEntryType } from "./tar.js";
export { openArMember, readAr, writeAr, type ArMember, type NewArMember } from "./ar.js";
export { treeManifest, type ManifestEntry } from "./manifest.js";
export { decoded, listTree, type ListOptions, type TreeEntryType } from "./tree.js";
export { foldersAbove, inTarOrder, isTreePath, type EntryKind, type FileEntry } from "./file-entry.js";
export { TarFile, type TarMember } from "./tar-file.js";
export { tarPieces, type ContentPlace, type PlacedEntry } from "./tar-pieces.js";
export { TarWriter } from "./tar-writer.js";
export { xzPlainBytes } from "./xz-size.js";
