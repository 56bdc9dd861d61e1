/** `git://`: a bare clone in DL_DIR, a work tree where it is unpacked. */
import { fetchGit, removeClone } from "./git-fetch.js";
import { unpackGit } from "./git-unpack.js";
import type { SourceKind } from "../source/source-kind.js";

export const gitClone: SourceKind = { fetch: fetchGit, unpack: unpackGit, remove: removeClone };
