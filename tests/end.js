// After all test files: what they left goes. With TSBAKE_KEEP it stays, to be looked at.
import { removeRunFolder } from "./dist/support/temporary.js";

export default async function end() {
  const folder = globalThis.tsbakeRunFolder;
  if (process.env.TSBAKE_KEEP) process.stderr.write(`kept: ${folder}\n`);
  else await removeRunFolder(folder);
}
