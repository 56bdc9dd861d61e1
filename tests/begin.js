// Before all test files: one folder for everything that tests and the code under test leave in TMPDIR.
import { makeRunFolder } from "./dist/support/temporary.js";

export default function begin() {
  const folder = makeRunFolder();
  process.env.TMPDIR = folder;
  // The only way from here to end.js.
  globalThis.tsbakeRunFolder = folder;
}
