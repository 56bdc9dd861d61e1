/** What went wrong, from what rpm prints. */

export interface RpmFailure {
  /** One clause. */
  readonly cause: string;
  readonly said: string;
}

/** Said by Debian's rpm whatever it does. */
const NOISE = /should not be used directly|assuming you know what you are doing/;
/** With or without an exit code: a scriptlet that failed late, an owner that is not there, an error. */
const FAILURE =
  /scriptlet failed|does not exist - using root|^error: |^\s+(?:file \/|package ).* conflicts |^\t.* is needed by /;
const CLASH =
  /^\s*file (\/.*) (?:from install of|conflicts between attempted installs of) (\S+)(?: conflicts with file from package| and) (\S+)$/;

/** @returns undefined where nothing has failed */
export function explainRpm(code: number | null, stdout: string, stderr: string): RpmFailure | undefined {
  const lines = `${stdout.trimEnd()}\n${stderr}`.split("\n").filter((line) => !NOISE.test(line));
  const failures = lines.filter((line) => FAILURE.test(line) && !line.endsWith("ailed dependencies:"));
  if (code === 0 && failures.length === 0) return undefined;
  const said = lines.join("\n").trim();
  const [first] = failures;
  if (first === undefined)
    return { cause: `rpm ended with ${code ?? "a signal"} and does not say why`, said };
  const [, path, who = "", owner = ""] = CLASH.exec(first) ?? [];
  if (path === undefined) return { cause: first.trim().replace(/^(?:error|warning): /, ""), said };
  const version = /-([^-]+(?:-[^-]+)?)\.[^.]+$/.exec(owner)?.[1]?.replace(/-0$/, "") ?? "";
  return {
    cause: `\`${nameOf(who)}\` brings \`${path}\`, which \`${nameOf(owner)}\` ${version} has already`,
    said,
  };
}

/** `NAME-VERSION-RELEASE.ARCH` → NAME. */
function nameOf(key: string): string {
  return key.replace(/-[^-]+-[^-]+$/, "");
}
