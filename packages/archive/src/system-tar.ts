/** The system's tar as packing and unpacking start it, and what it says when it fails. */
import { BuildError, hasCode, openChild, type Child } from "@tsbake/base";
import { plainEnvironment } from "./compression.js";
import { noProgram } from "./problems.js";

/** Attributes that tell of the machine and not of the tree: labels of the host, history of an overlay. */
export const FOREIGN_ATTRIBUTES: readonly string[] = [
  "security.selinux",
  "security.ima",
  "security.evm",
  "trusted.overlay.*",
  "user.overlay.*",
];

/** The system's tar, without the user's habits. */
export function openTar(args: readonly string[], stdio: Parameters<typeof openChild>[2]): Child {
  return openChild("tar", args, { ...stdio, env: plainEnvironment() });
}

/**
 * What a tar that has not ended well says of it; undefined when it has.
 *
 * @throws BuildError `archive/no-program`; system errors of starting it
 */
export async function tarError(tar: Child): Promise<string | undefined> {
  const { code, signal, said, failure } = await tar.ended;
  if (hasCode(failure, "ENOENT")) throw new BuildError([noProgram("tar", "for archives")]);
  if (failure !== undefined) throw failure;
  return code === 0 ? undefined : said || `tar ended with ${code ?? signal}`;
}
