/** Every problem this room can report, one function each, in the order of their codes. */
import { lastLines } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";

/** A file name that is not UTF-8. */
export function badName(path: string): Diagnostic {
  return {
    severity: "error",
    code: "sandbox/bad-name",
    message: `the file name \`${path}\` is not valid UTF-8`,
    help: "rename the file in the package that ships it",
  };
}

/** A package has a file where the root ends; `link` is what leads out, undefined for what is neither file nor folder. */
export function leavesRoot(
  path: string,
  link: { readonly at: string; readonly target: string } | undefined,
  owner?: string,
): Diagnostic {
  const where =
    link === undefined
      ? "is neither a file nor a folder"
      : link.at === path
        ? `is a link to \`${link.target}\``
        : `lies behind \`${link.at}\`, a link to \`${link.target}\``;
  return {
    severity: "error",
    code: "sandbox/leaves-root",
    message: `\`${path}\`${owner === undefined ? "" : ` of \`${owner}\``} ${where}: it leads out of the root that packages are installed into`,
    help: "nothing outside was touched; take out the package that brings the link, or have it rebuilt with a link that stays inside",
  };
}

/** Namespaces can be made, but the host cannot be taken out of them. */
export function noCage(reason: string): Diagnostic {
  return {
    severity: "error",
    code: "sandbox/no-cage",
    message: `cannot shut packages off from this machine's files: ${lastLines(reason, 3) || "no reason given"}`,
    help: "packages are installed only where they cannot reach the host; in a chroot or on an initial RAM file system the kernel gives no process a root of its own (pivot_root): build in a container or on a real root",
  };
}

/** An ordinary user without the library that remembers owners. */
export function noFakeroot(folder: string): Diagnostic {
  return {
    severity: "error",
    code: "sandbox/no-fakeroot",
    message: `no fakeroot in \`${folder}\`, and an ordinary user cannot give files to other owners`,
    help: "add fakeroot-native to the recipe's DEPENDS, install the package fakeroot, or build as root",
  };
}

/** What this machine says of namespaces. */
export interface NamespaceLimits {
  /** user.max_user_namespaces */
  readonly most?: number;
  /** kernel.unprivileged_userns_clone is 0. */
  readonly isSwitchedOff: boolean;
  /** kernel.apparmor_restrict_unprivileged_userns is 1. */
  readonly isRestricted: boolean;
}

/** The kernel or a container forbids what a private root needs. @param reason what the program said */
export function noNamespaces(reason: string, limits?: NamespaceLimits): Diagnostic {
  const [why, remedy] = namespaceRemedy(reason, limits);
  return {
    severity: "error",
    code: "sandbox/no-namespaces",
    message: `cannot make private namespaces: ${why}`,
    help: `build as root, or ${remedy}`,
  };
}

function namespaceRemedy(reason: string, limits: NamespaceLimits | undefined): [why: string, remedy: string] {
  // The kernel's words for a number of namespaces are those for a disk.
  if (/no space left/i.test(reason)) {
    const most = limits?.most === undefined ? "" : `; user.max_user_namespaces is ${limits.most}`;
    return [
      `there are as many as the kernel allows${most}`,
      "let users have more of them: `sysctl user.max_user_namespaces=10000`",
    ];
  }
  const said = lastLines(reason, 3) || "no reason given";
  if (limits?.isSwitchedOff)
    return [said, "let users have them: `sysctl kernel.unprivileged_userns_clone=1`"];
  if (limits?.isRestricted)
    return [said, "lift AppArmor's restriction: `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"];
  return [
    said,
    "give the container CAP_SYS_ADMIN, or a seccomp profile that allows `unshare` and `mount`; on a machine of its own, see `sysctl -a | grep userns`",
  ];
}

/** The kernel or the file system has no overlay for us. @param reason what mount(8) said */
export function noOverlay(reason: string, folder: string): Diagnostic {
  const said = lastLines(reason, 2) || "no reason given";
  return {
    severity: "error",
    code: "sandbox/no-overlay",
    message: `cannot mount an overlay in ${folder}: ${said}`,
    help: "the folder has to be on a file system that can hold what is written (ext4, xfs, btrfs, tmpfs; no overlay of a container and no network share): set OVERLAY_DIR to one; the kernel needs the module overlay, and for ordinary users version 5.11",
  };
}

/** An ordinary user without ids for the owners of files. */
export function noSubordinateIds(reason: string, user: string): Diagnostic {
  return {
    severity: "error",
    code: "sandbox/no-subordinate-ids",
    message: `an ordinary user needs ids of his own for the owners of files: ${reason}`,
    help: `as root, install the package uidmap and run \`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}\`; or do this as root`,
  };
}
