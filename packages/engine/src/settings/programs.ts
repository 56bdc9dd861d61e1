/** Programs whose digests are in signatures: those of tsbake itself, and the host's compilers. They can change while a build runs. */
import type { FileDigests } from "../signing/file-digests.js";
import { ownCode, ownCodeKey, PACKAGES, toolDigests, type OwnCode } from "./own-code.js";
import { hostToolchain } from "./tools.js";

const TOOLCHAIN = "TSBAKE_HOST_TOOLCHAIN";

export interface SignedPrograms {
  /** {@link OwnCode.key} */
  readonly key: string;
  /** What recipes find in their variables: `TSBAKE_NAME_DIGEST` of each program, TSBAKE_HOST_TOOLCHAIN. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Those of the variables that would have another value now; looks at no file where none is asked for.
   *
   * @throws BuildError `graph/unreadable-input`
   */
  changed(names: readonly string[]): Promise<readonly string[]>;
}

/**
 * @param path the caller's PATH
 * @param cache JSON file with what was found out about our own code
 * @param packages the folder of all rooms
 * @throws BuildError `graph/unreadable-input`
 */
export async function signedPrograms(
  path: string,
  cache: string,
  files: Pick<FileDigests, "digest">,
  packages = PACKAGES,
): Promise<SignedPrograms> {
  const own = await ownCode(cache, packages);
  const variables: Readonly<Record<string, string>> = {
    ...own.digests,
    [TOOLCHAIN]: await hostToolchain(path, files),
  };
  let latest: OwnCode = own;
  const now = async (name: string): Promise<string | undefined> => {
    if (name === TOOLCHAIN) return hostToolchain(path, files);
    const key = await ownCodeKey(packages);
    if (key !== latest.key) latest = { key, digests: await toolDigests(packages) };
    return latest.digests[name];
  };
  return {
    key: own.key,
    variables,
    async changed(names) {
      const changed: string[] = [];
      for (const name of names)
        if (Object.hasOwn(variables, name) && (await now(name)) !== variables[name]) changed.push(name);
      return changed;
    },
  };
}
