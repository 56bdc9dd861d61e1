/**
 * Whether systemd-sysext takes an extension on a base, by the stamp of the one and the os-release of the other.
 *
 * @see systemd-sysext(8), os-release(5), section on extension-release files
 */
import { kindOfRelease } from "../../layer/extension-kind.js";
import { systemdArchitecture } from "../../formats/architecture.js";
import type { ElfFact } from "../inspect/elf-facts.js";
import type { OsRelease } from "../../snapshot/os-release.js";

/** Words of systemd by e_machine and class, of machines that Debian is built for. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  "3/32": "i386",
  "40/32": "armhf",
  "62/64": "amd64",
  "183/64": "arm64",
  "243/64": "riscv64",
};

/** @returns why it is refused, one clause a reason; empty: it is taken */
export function refusals(stamp: OsRelease, base: OsRelease, baseElf: readonly ElfFact[]): string[] {
  const field = (of: OsRelease, name: string): string => of.get(name) ?? "";
  const reasons: string[] = [];
  const isAnywhere = field(stamp, "ID") === "_any";
  const differs = (name: string): void => {
    const [wanted, there] = [field(stamp, name), field(base, name)];
    if (wanted !== there)
      reasons.push(
        `the extension is for ${name}=${wanted || "nothing"}, and the base has ${there || "none"}`,
      );
  };
  if (!isAnywhere) {
    differs("ID");
    const level = `${kindOfRelease(stamp.keys()).prefix}_LEVEL`;
    const hasLevels = field(stamp, level) !== "" && field(base, level) !== "";
    if (hasLevels) differs(level);
    // A rolling base has no version, and takes any.
    else if (field(base, "VERSION_ID") !== "") differs("VERSION_ID");
  }
  const wanted = field(stamp, "ARCHITECTURE");
  const there = architecturesOf(baseElf);
  if (wanted !== "" && wanted !== "_any" && there.length > 0 && !there.includes(wanted))
    reasons.push(`the extension is for ARCHITECTURE=${wanted}, and the base is for ${there.join(", ")}`);
  return reasons;
}

function architecturesOf(elf: readonly ElfFact[]): string[] {
  const kinds = new Set(
    elf
      .filter(({ interpreter }) => interpreter !== undefined)
      .map(({ machine, bits }) => `${machine}/${bits}`),
  );
  return [...kinds].flatMap((kind) => {
    const name = ARCHITECTURES[kind];
    return name === undefined ? [] : [systemdArchitecture(name)];
  });
}
