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
  const ownDigests = async (): Promise<OwnCode["digests"]> => {
    const key = await ownCodeKey(packages);
    if (key !== latest.key) latest = { key, digests: await toolDigests(packages) };
    return latest.digests;
  };
  return {
    key: own.key,
    variables,
    async changed(names) {
      const asked = names.filter((name) => Object.hasOwn(variables, name));
      // One look at our own code, however many of its programs a task has.
      const now: Record<string, string> = {
        ...(asked.some((name) => name !== TOOLCHAIN) && (await ownDigests())),
        ...(asked.includes(TOOLCHAIN) && { [TOOLCHAIN]: await hostToolchain(path, files) }),
      };
      return asked.filter((name) => now[name] !== variables[name]);
    },
  };
}
