/** What went wrong, from what rpm prints. */

/** A failure as an error reports it. */
export interface RpmFailure {
  /** One clause. */
  readonly cause: string;
  /** All that rpm has printed, without its usual remarks. */
  readonly said: string;
}

/** Said by Debian's rpm whatever it does. */
const NOISE = /should not be used directly|assuming you know what you are doing/;
/** Says only that reasons follow. */
const HEADING = /failed dependencies:$/i;
/** With or without an exit code: a scriptlet that failed late, an owner that is not there, an error. */
const FAILURE =
  /scriptlet failed|does not exist - using root|^error: |^\s+(?:file \/|package ).* conflicts |^\t.* is needed by /;
/** Two packages bring one path: the path, who brings it, who has it; the last two as NAME-VERSION-RELEASE.ARCH. */
const CLASH =
  /^\s*file (\/.*) (?:from install of|conflicts between attempted installs of) (\S+)(?: conflicts with file from package| and) (\S+)$/;

/**
 * @param code how rpm ended; null: by a signal
 * @returns undefined where nothing has failed: rpm may end with 0 although a scriptlet failed
 */
export function explainRpm(code: number | null, stdout: string, stderr: string): RpmFailure | undefined {
  const lines = `${stdout.trimEnd()}\n${stderr}`.split("\n").filter((line) => !NOISE.test(line));
  const failures = lines.filter((line) => FAILURE.test(line) && !HEADING.test(line));
  if (code === 0 && failures.length === 0) return undefined;
  const said = lines.join("\n").trim();
  const [first] = failures;
  if (first === undefined)
    return { cause: `rpm ended with ${code ?? "a signal"} and does not say why`, said };
  const [, path, who = "", owner = ""] = CLASH.exec(first) ?? [];
  if (path === undefined) return { cause: first.trim().replace(/^(?:error|warning): /, ""), said };
  const cause = `\`${nameOf(who)}\` brings \`${path}\`, which \`${nameOf(owner)}\` ${versionOf(owner)} has already`;
  return { cause, said };
}

/** `NAME-VERSION-RELEASE.ARCH` → NAME. */
function nameOf(key: string): string {
  return key.replace(/-[^-]+-[^-]+$/, "");
}

/** `NAME-VERSION-RELEASE.ARCH` → VERSION-RELEASE; packages of recipes without a revision have release 0, which is left out. */
function versionOf(key: string): string {
  return /-([^-]+(?:-[^-]+)?)\.[^.]+$/.exec(key)?.[1]?.replace(/-0$/, "") ?? "";
}
