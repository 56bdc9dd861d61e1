/**
 * `npm run sweep -- [--scripts merged|skip] [--keep DIR] [NAME…]`
 *
 * Each package of packages.ts is built as an extension, merged by the real systemd-sysext on the real base and used; the
 * same packages are installed by dpkg in a copy of the base as control. What the control has below /usr, /opt, /etc and
 * /var and the merged tree has not, or has otherwise, is classified. Exit code 1 where a package works in the control
 * and not as an extension, a difference has no class, do_check finds an error in what works, or a second build has other bytes. As root; downloads are of the archive.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseCheckReport } from "@tsbake/image";
import { PER_DEVICE } from "@tsbake/packaging";
import { root, programOf } from "../support/paths.js";
import { PACKAGES, type Swept } from "./packages.js";
import { treeContent, unlike } from "./twice.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scripts: { type: "string", default: "merged" },
    keep: { type: "string", default: join(root, "build/sweep") },
  },
});
if (process.getuid?.() !== 0) {
  console.error("the sweep mounts and installs: run it as root");
  process.exit(2);
}
const project = resolve(values.keep);
const nameOf = ({ install }: Swept): string => install.split(" ")[0] ?? install;
const chosen = PACKAGES.filter((one) => positionals.length === 0 || positionals.includes(nameOf(one)));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
}

const recipeOf = (one: Swept): string => `sweep-${nameOf(one)}`;

function writeProject(): void {
  const repos = "repos:\n  sweep:\n    path: meta-sweep\n";
  write(
    "tsbake.yaml",
    `header:\n  version: 14\nmachine: generic\ndistro: debian\ntarget: base-image\n${repos}`,
  );
  write(
    "meta-sweep/conf/layer.conf",
    `BBPATH .= ":\${LAYERDIR}"
BBFILES += "\${LAYERDIR}/recipes/*.bb"
BBFILE_COLLECTIONS += "sweep"
BBFILE_PATTERN_sweep = "^\${LAYERDIR_RE}/"
LAYERSERIES_COMPAT_sweep = "first"
`,
  );
  for (const one of chosen)
    write(
      `meta-sweep/recipes/${recipeOf(one)}_1.0.bb`,
      `inherit image-sysext
IMAGE_BASE_PKGDB = "base-image"
IMAGE_PREINSTALL = "${one.install}"
IMAGE_FSTYPES = "squashfs"
SYSEXT_SCRIPTS = "${values.scripts}"
SYSEXT_CHECK = "warn"
`,
    );
}

/** $1: base, $2: extension or a folder of package files, $3: its name or empty, $4: what to do, $5: where results go. */
const LOOK = `
set -eu
base=$1 what=$2 name=$3 use=$4 out=$5
mount -t tmpfs tmpfs "$out/space"
mkdir "$out/space/upper" "$out/space/work" "$out/space/root"
root=$out/space/root
mount -t overlay overlay -o "lowerdir=$base,upperdir=$out/space/upper,workdir=$out/space/work" "$root"
mount --make-shared "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
if [ -n "$name" ]; then
    mkdir "$root/run/extensions"
    cp "$what" "$root/run/extensions/$name.raw"
    chroot "$root" systemd-sysext merge
    chroot "$root" systemd-sysusers || :
    chroot "$root" systemd-tmpfiles --create --prefix=/etc --prefix=/var || :
else
    mkdir "$root/run/packages"
    mount --bind "$what" "$root/run/packages"
    printf '#!/bin/sh\\nexit 101\\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    # As apt does: all are unpacked before one is configured. A package of the base comes with no file.
    (cd "$what" && ls) | sed 's#^#/run/packages/#' | xargs -r chroot "$root" env DEBIAN_FRONTEND=noninteractive \\
        dpkg --force-unsafe-io --force-depends --unpack
    chroot "$root" env DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io --configure --pending
    rm "$root/usr/sbin/policy-rc.d"
fi >"$out/log" 2>&1
# With its names of users: by the tree's own find.
chroot "$root" find /usr /opt /etc /var -xdev -printf '%p\\t%y\\t%m\\t%u\\t%g\\t%l\\n' >"$out/list" 2>/dev/null || :
chroot "$root" find /usr -printf '%p\\t%y\\t%m\\t%u\\t%g\\t%l\\n' >>"$out/list"
code=0
chroot "$root" env LC_ALL=C.UTF-8 HOME=/root timeout 60 sh -c "$use" >"$out/seen" 2>&1 </dev/null || code=$?
echo $code >"$out/code"
`;

interface Look {
  readonly works: boolean;
  readonly said: string;
  /** `kind mode user group` by path. */
  readonly list: ReadonlyMap<string, string>;
}

function look(one: Swept, what: string, name: string): Look {
  const out = join(project, "looks", `${nameOf(one)}-${name === "" ? "control" : "merged"}`);
  mkdirSync(join(out, "space"), { recursive: true });
  const words = ["--mount", "--propagation", "private", "sh", "-c", LOOK, "look"];
  const done = spawnSync("unshare", [...words, join(project, "base"), what, name, one.use, out], {
    encoding: "utf8",
    env: process.env,
  });
  const text = (file: string): string =>
    existsSync(join(out, file)) ? readFileSync(join(out, file), "utf8") : "";
  if (done.status !== 0) {
    const said = [...text("log").trim().split("\n").slice(-3), done.stderr.trim()].join(" | ");
    return { works: false, said: `not set up: ${said}`, list: new Map() };
  }
  const list = text("list")
    .split("\n")
    .flatMap((line) => {
      const [path, ...rest] = line.split("\t");
      return path === undefined || path === "" ? [] : [[path, rest.join(" ")] as const];
    });
  return {
    works: text("code").trim() === "0",
    said: text("seen").trim().split("\n").slice(-2).join(" | "),
    list: new Map(list),
  };
}

/** What each device makes for itself; links of the table lead to what is in it. */
function ofOneDevice(): RegExp {
  const patterns = PER_DEVICE.filter(({ linksTo }) => linksTo === undefined).flatMap(({ paths }) => paths);
  const sources = patterns.map((one) => one.replace(/[.+]/g, "\\$&").replaceAll("*", "[^/]*"));
  return new RegExp(`^(${sources.join("|")})(/|$)| -> ssl-cert-snakeoil\\.pem$`);
}

/** Why a path (of a link: `PATH -> TARGET`) that the control has need not be there, or may be otherwise; the first that matches. */
const CLASSES: readonly (readonly [RegExp, string])[] = [
  [/^\/var\/lib\/dpkg(\/|$)|^\/var\/lib\/(ucf|apt)(\/|$)|deb-systemd-(user-)?helper/, "package manager"],
  [/^\/(var\/cache|var\/log|var\/tmp)(\/|$)/, "cache or log"],
  [/^\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-?$|^\/etc\/\.pwd\.lock$/, "accounts"],
  [/^\/etc\/alternatives(\/|$)/, "alternatives"],
  [/^\/etc\/ld\.so\.cache$/, "loader's cache"],
  [/^\/etc\/systemd\/(system|user)\//, "enabled units: below /usr"],
  [ofOneDevice(), "of one device"],
  [/^\/etc\/shells$/, "a file of the base"],
];

/** Folders whose mode and owner are the base's, as the extension's report says: a merge would change them for the base, too. */
function keptOfBase(one: Swept): ReadonlySet<string> {
  const report = join(project, "build/tmp/work/generic", recipeOf(one), "1.0/image-tree/report.txt");
  const lines = readFileSync(report, "utf8").split("\n");
  return new Set(lines.flatMap((line) => /^mode-of-base\t([^\t]+)/.exec(line)?.[1] ?? []));
}

/** Differences of the merged tree, by class; "" for those without one. */
function differences(control: Look, merged: Look, ofBase: ReadonlySet<string>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [path, facts] of control.list) {
    const ours = merged.list.get(path);
    if (ours === facts) continue;
    // Of links only that there is one: those of alternatives are direct.
    if (ours?.startsWith("l ") === true && facts.startsWith("l ")) continue;
    const shown = facts.startsWith("l ") ? `${path} -> ${facts.split(" ").at(-1)}` : path;
    const kind = ofBase.has(path)
      ? "mode of the base"
      : (CLASSES.find(([pattern]) => pattern.test(path) || pattern.test(shown))?.[1] ?? "");
    const told = ours === undefined ? `${path} is not there` : `${path} is ${ours}, not ${facts}`;
    found.set(kind, [...(found.get(kind) ?? []), told]);
  }
  return found;
}

/** Links to the package files of an extension, in a folder of their own. */
function packageFiles(one: Swept): string {
  const manifest = join(project, "build/tmp/deploy/images/generic", `${recipeOf(one)}-generic.rootfs.json`);
  const { packages } = JSON.parse(readFileSync(manifest, "utf8")) as { packages: { sha256?: string }[] };
  const digests = new Set(
    packages.flatMap(({ sha256 }) => (sha256 === undefined ? [] : [sha256.slice(0, 16)])),
  );
  const pool = join(downloads, "feed/pool");
  const folder = join(project, "looks", `${nameOf(one)}-packages`);
  spawnSync("rm", ["-rf", folder]);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(pool))
    if (digests.has(name.split(".").at(-2) ?? "")) spawnSync("cp", ["-l", join(pool, name), folder]);
  return folder;
}

const downloads = join(project, "build/downloads");
const imageOf = (one: Swept): string =>
  join(project, "build/tmp/deploy/images/generic", `${recipeOf(one)}.raw`);
writeProject();
/** Builds what was chosen; a finding or a failure is in the output and in the code. */
function build(...options: string[]): boolean {
  const words = [programOf("cli"), "-k", ...options, ...chosen.map(recipeOf)];
  return (
    spawnSync(process.execPath, words, { cwd: project, stdio: "inherit", env: process.env }).status === 0
  );
}

const isBuilt = build();
const wasBuilt = chosen.filter((one) => existsSync(imageOf(one)));
const first = new Map(wasBuilt.map((one) => [one, treeContent(project, recipeOf(one))] as const));
const isBuiltAgain = build("-C", "rootfs");
const base = join(project, "base");
spawnSync("rm", ["-rf", base]);
mkdirSync(base);
const tree = join(project, "build/tmp/work/generic/base-image/1.0/rootfs-output/rootfs.tar");
spawnSync("tar", ["-xf", tree, "-C", base, "--xattrs", "--xattrs-include=*"], { env: process.env });

/** What do_check has found of an extension: nothing, where it works. */
function errorsIn(one: Swept): string[] {
  const path = join(dirname(imageOf(one)), `${recipeOf(one)}-generic.rootfs.check.json`);
  const { findings } = parseCheckReport(readFileSync(path, "utf8"), (message) => {
    throw new Error(`${path}: ${message}`);
  });
  return findings.flatMap((found) =>
    found.severity === "error" ? [`${found.code} ${found.path}: ${found.message}`] : [],
  );
}

let broken = 0;
let sound = 0;
for (const one of chosen) {
  const raw = imageOf(one);
  const before = first.get(one);
  if (before === undefined || !existsSync(raw)) {
    console.log(`not built\t${nameOf(one)}`);
    broken += 1;
    continue;
  }
  const merged = look(one, raw, recipeOf(one));
  const control = look(one, packageFiles(one), "");
  const found = differences(control, merged, keptOfBase(one));
  const unclassified = found.get("") ?? [];
  const word = merged.works ? "works" : control.works ? "BROKEN" : "broken in the control, too";
  // What lacks an interpreter where apt has installed the package, too, is a program for which the package only recommends one.
  const findings = errorsIn(one).filter(
    (told) =>
      !told.startsWith("missing-interpreter ") ||
      [...told.matchAll(/(?<=[\s`])(\/\S+?)(?=[\s,;`]|$)/g)].some(([path]) => control.list.has(path)),
  );
  const differing = unlike(before, treeContent(project, recipeOf(one)));
  const wrong = [...unclassified, ...differing, ...(merged.works ? findings : [])];
  if (word === "BROKEN" || wrong.length > 0) broken += 1;
  if (merged.works && findings.length === 0) sound += 1;
  console.log(`${word}\t${nameOf(one)}${merged.works ? "" : `\t${merged.said}`}`);
  if (!control.works) console.log(`\tcontrol: ${control.said}`);
  for (const told of findings) console.log(`\tfound by do_check: ${told}`);
  for (const path of differing) console.log(`\tdiffers in a second build: ${path}`);
  for (const told of unclassified.slice(0, 12)) console.log(`\t${told}`);
  if (unclassified.length > 12) console.log(`\tand ${unclassified.length - 12} more`);
}
console.log(
  `${chosen.length} packages, ${broken} not as in the control; ${sound} work, and do_check finds nothing in them`,
);
process.exitCode = broken > 0 || !isBuilt || !isBuiltAgain ? 1 : 0;
