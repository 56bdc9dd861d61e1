/** Where objects are: the seam (`storage.ts`) and the folder behind it. */
export { openFolderStorage } from "./folder-storage.js";
export type { ServedFile, ObjectStorage, StoragePath } from "./storage.js";
