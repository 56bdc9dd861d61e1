/** What becomes of packages' paths in one tree, whatever the format: who shares which, and files written side by side. */
export { extractPackages } from "./extract.js";
export {
  broughtBy,
  followed,
  foldersBroughtBy,
  parseListing,
  readListing,
  sharedPaths,
  type Brought,
  type ListedEntry,
  type SharedPath,
} from "./listing.js";
