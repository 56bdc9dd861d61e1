/** Debian's words in rpm's. */

const ARCHITECTURES: Readonly<Record<string, string>> = {
  all: "noarch",
  amd64: "x86_64",
  arm64: "aarch64",
  armhf: "armv7hl",
  armel: "armv5tel",
  i386: "i686",
  ppc64el: "ppc64le",
  riscv64: "riscv64",
  s390x: "s390x",
};

/** Undefined for one that rpm has no word for. */
export function rpmArchitecture(debian: string): string | undefined {
  return ARCHITECTURES[debian];
}

/** Debian's word for rpm's; undefined for one that is not of the table. */
export function debianArchitecture(rpm: string): string | undefined {
  return Object.entries(ARCHITECTURES).find(([, one]) => one === rpm)?.[0];
}

/**
 * Users and groups of fixed numbers: an rpm has names, a .deb's files numbers.
 *
 * @see Debian Policy 9.2.2, and the tables of the package base-passwd
 */
const USERS: Readonly<Record<number, string>> = {
  0: "root",
  1: "daemon",
  2: "bin",
  3: "sys",
  4: "sync",
  5: "games",
  6: "man",
  7: "lp",
  8: "mail",
  9: "news",
  10: "uucp",
  13: "proxy",
  33: "www-data",
  34: "backup",
  38: "list",
  39: "irc",
  65534: "nobody",
};
const GROUPS: Readonly<Record<number, string>> = {
  0: "root",
  1: "daemon",
  2: "bin",
  3: "sys",
  4: "adm",
  5: "tty",
  6: "disk",
  7: "lp",
  8: "mail",
  9: "news",
  10: "uucp",
  12: "man",
  13: "proxy",
  15: "kmem",
  20: "dialout",
  21: "fax",
  22: "voice",
  24: "cdrom",
  25: "floppy",
  26: "tape",
  27: "sudo",
  29: "audio",
  30: "dip",
  33: "www-data",
  34: "backup",
  37: "operator",
  38: "list",
  39: "irc",
  40: "src",
  42: "shadow",
  43: "utmp",
  44: "video",
  45: "sasl",
  46: "plugdev",
  50: "staff",
  60: "games",
  100: "users",
  65534: "nogroup",
};

/** Undefined for a number that is not the same on every Debian. */
export function userName(uid: number): string | undefined {
  return USERS[uid];
}

/** As {@link userName}. */
export function groupName(gid: number): string | undefined {
  return GROUPS[gid];
}

/** The number of a user's name; undefined for one that is not of the table. */
export function userNumber(name: string): number | undefined {
  return numberIn(USERS, name);
}

/** As {@link userNumber}. */
export function groupNumber(name: string): number | undefined {
  return numberIn(GROUPS, name);
}

function numberIn(table: Readonly<Record<number, string>>, name: string): number | undefined {
  const found = Object.entries(table).find(([, one]) => one === name);
  return found && Number(found[0]);
}
