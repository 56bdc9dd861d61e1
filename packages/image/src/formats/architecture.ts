/** Architecture names: the distribution's word on the left, systemd's on the right. */
import { BuildError } from "@tsbake/base";
import * as problems from "../problems.js";

/**
 * Debian's name (`dpkg --print-architecture`) to systemd's (`ConditionArchitecture=`).
 *
 * @see systemd.unit(5) ConditionArchitecture=, Debian's dpkg-architecture table
 */
const SYSTEMD_NAME: Readonly<Record<string, string>> = {
  alpha: "alpha",
  amd64: "x86-64",
  arc: "arc",
  arm64: "arm64",
  armel: "arm",
  armhf: "arm",
  hppa: "parisc",
  i386: "x86",
  ia64: "ia64",
  loong64: "loongarch64",
  m68k: "m68k",
  mips: "mips",
  mips64: "mips64",
  mips64el: "mips64-le",
  mipsel: "mips-le",
  powerpc: "ppc",
  ppc64: "ppc64",
  ppc64el: "ppc64-le",
  riscv32: "riscv32",
  riscv64: "riscv64",
  s390: "s390",
  s390x: "s390x",
  sh4: "sh",
  sparc: "sparc",
  sparc64: "sparc64",
  x32: "x86-64",
};

/**
 * The value of `ARCHITECTURE=` in extension-release. systemd compares it as text, so `amd64` would be refused.
 *
 * @throws BuildError `image/unknown-architecture`
 */
export function systemdArchitecture(debian: string): string {
  const name = Object.hasOwn(SYSTEMD_NAME, debian) ? SYSTEMD_NAME[debian] : undefined;
  if (name === undefined) throw new BuildError([problems.unknownArchitecture(debian)]);
  return name;
}
