/** What went wrong, from what dpkg prints when it fails. */
import { basename } from "node:path";

export interface DpkgFailure {
  /** One clause: the first error that is not only the consequence of another one. */
  readonly cause: string;
  /** Everything but the progress: what scripts printed, then dpkg's own words. */
  readonly said: string;
}

/** Lines of a run without faults. */
const PROGRESS =
  /^(Selecting previously |Preparing to |Unpacking |Setting up |Processing triggers |Removing |Purging configuration |\(Reading database )/;

/** Which of dpkg's lines is the reason, and about which package. */
export function explainDpkg(stdout: string, stderr: string): DpkgFailure {
  const lines = `${stdout.trimEnd()}\n${stderr}`.split("\n").filter((line) => !PROGRESS.test(line));
  const causes = lines.flatMap((line, at) => {
    const match = /^dpkg: error processing (?:package|archive) (\S+) \(--/.exec(line);
    const reason = lines[at + 1]?.trim();
    return match && reason ? [{ name: nameOf(match[1] ?? ""), reason }] : [];
  });
  const first = causes.find(({ reason }) => !reason.startsWith("dependency problems")) ?? causes[0];
  const last = lines.findLast((line) => line.startsWith("dpkg: error: "));
  const cause = first ? clause(first.name, first.reason) : (last?.slice("dpkg: error: ".length) ?? "");
  return { cause: cause || "dpkg does not say why", said: lines.join("\n").trim() };
}

/** A package as it is, or that of a path of the form `NAME_VERSION_ARCHITECTURE.deb`, or `.ipk`. */
function nameOf(what: string): string {
  return /\.(deb|ipk)$/.test(what) ? (basename(what).split("_")[0] ?? what) : what;
}

function clause(name: string, reason: string): string {
  const clash = /^trying to overwrite (?:shared )?'(.+)', which is also in package (\S+)(?: (\S+))?$/.exec(
    reason,
  );
  if (!clash) return `\`${name}\`: ${reason}`;
  const [, path, owner, version] = clash;
  return `\`${name}\` brings \`${path}\`, which \`${owner}\`${version ? ` ${version}` : ""} has already`;
}
