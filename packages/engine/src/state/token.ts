/** The token for a shared-state server: never in the configuration itself, which signatures, records and logs can see. */
import { BuildError, hasCode, readPlain, reasonOf } from "@tsbake/base";
import { badTokenFile } from "../problems.js";

/** Of the environment. */
const VARIABLE = "TSBAKE_SSTATE_TOKEN";
const LONGEST = 4096;

/**
 * @param text of the configuration
 * @returns undefined where there is none @throws BuildError `engine/bad-token-file`
 */
export async function tokenOf(
  text: (name: string) => string | undefined,
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const given = environment[VARIABLE]?.trim();
  if (given) return given;
  const path = text("SSTATE_MIRROR_PUSH_TOKEN_FILE")?.trim();
  if (!path) return undefined;
  try {
    const token = (await readPlain(path, LONGEST)).toString().trim();
    if (/^[\x21-\x7e]+$/.test(token)) return token;
  } catch (error) {
    const reason = hasCode(error, "ENOENT") ? "there is no such file" : reasonOf(error);
    throw new BuildError([badTokenFile(path, reason)], { cause: error });
  }
  throw new BuildError([badTokenFile(path, "it has no token, a word without blanks")]);
}
