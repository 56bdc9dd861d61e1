/**
 * Maintainer scripts of a Debian package as scriptlets of an rpm: each calls the script as dpkg would, with dpkg's words and variables.
 * What a script reads of dpkg (templates of its questions, the packages that are there) lies where dpkg has it, as files of the rpm.
 *
 * A package is configured when the whole transaction is unpacked, as dpkg does it. An upgrade is told of in the order that rpm knows:
 * `prerm upgrade` and `postrm upgrade` of the old version are not called.
 */
import type { ScriptKind } from "./format/spec.js";

const ADMIN_FOLDER = "/var/lib/dpkg";
/** Of control archives: where dpkg keeps their members. */
export const INFO_FOLDER = `${ADMIN_FOLDER}/info`;
/** The stanza of each package, of which the list of all is made for scripts that ask. */
export const STATUS_FOLDER = `${ADMIN_FOLDER}/status.d`;

/** Whether a file of an rpm is dpkg's note of the package that it was. */
export function isAdminFile(path: string): boolean {
  return path.startsWith(`${INFO_FOLDER}/`) || path.startsWith(`${STATUS_FOLDER}/`);
}

/** Members of a control archive that run, with the scriptlet that calls them. */
export const SCRIPTLETS = {
  preinst: "preInstall",
  postinst: "postTransaction",
  prerm: "preUninstall",
  postrm: "postUninstall",
} as const satisfies Readonly<Record<string, ScriptKind>>;
type ScriptName = keyof typeof SCRIPTLETS;

export interface ScriptedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** @param text of the maintainer script */
export function scriptlet(script: ScriptName, text: string, one: ScriptedPackage): string {
  return [...preamble(script, one), ...BODIES[script](text, one)].join("\n") + "\n";
}

function preamble(script: ScriptName, { name, architecture }: ScriptedPackage): string[] {
  return [
    `package=${name} admin=${ADMIN_FOLDER}`,
    "mkdir -p $admin/info $admin/updates $admin/triggers $admin/alternatives $admin/parts $admin/tmp.ci",
    // Of what is unpacked, for scripts that ask dpkg.
    'if [ -n "$(ls $admin/status.d 2>/dev/null)" ]; then cat $admin/status.d/*; fi >$admin/status',
    `export DPKG_MAINTSCRIPT_PACKAGE=$package DPKG_MAINTSCRIPT_NAME=${script} DPKG_MAINTSCRIPT_ARCH=${architecture}`,
    "export DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 DPKG_ADMINDIR=$admin DPKG_ROOT= DEBIAN_PRIORITY=critical",
    'export DEBIAN_FRONTEND="${DEBIAN_FRONTEND:-noninteractive}"',
  ];
}

const BODIES: Readonly<Record<ScriptName, (text: string, one: ScriptedPackage) => string[]>> = {
  // Of an upgrade dpkg says from which version; the file of the old one is there until its successor is unpacked.
  preinst: (text, { version }) => [
    "old=",
    "[ \"$1\" -lt 2 ] || old=$(sed -n 's/^Version: //p' $admin/status.d/$package 2>/dev/null)",
    ...inPlace("preinst", text),
    'if [ -n "$old" ]; then',
    `    echo "$old" >$admin/tmp.ci/$package.old; $admin/tmp.ci/preinst upgrade "$old" '${version}'`,
    "else",
    "    $admin/tmp.ci/preinst install",
    "fi",
  ],
  postinst: () => [
    "old=$(cat $admin/tmp.ci/$package.old 2>/dev/null)",
    'rm -f "$admin/tmp.ci/$package.old"',
    `exec ${INFO_FOLDER}/$package.postinst configure "$old"`,
  ],
  prerm: () => [`[ "$1" != 0 ] || exec ${INFO_FOLDER}/$package.prerm remove`],
  postrm: (text) => [
    '[ "$1" = 0 ] || exit 0',
    ...inPlace("postrm", text),
    "$admin/tmp.ci/postrm remove && exec $admin/tmp.ci/postrm purge",
  ],
};

/** A script of a package that is not unpacked yet, or no more. */
function inPlace(script: ScriptName, text: string): string[] {
  let end = "END-OF-SCRIPT";
  while (text.split("\n").includes(end)) end += "-";
  const body = text.endsWith("\n") ? text.slice(0, -1) : text;
  return [`cat >$admin/tmp.ci/${script} <<'${end}'`, body, end, `chmod 755 $admin/tmp.ci/${script}`];
}
