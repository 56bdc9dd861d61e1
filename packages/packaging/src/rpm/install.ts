/**
 * A whole root from nothing by the real rpm, its scriptlets inside the root. Those of Debian packages take everything essential for
 * granted, which an empty root has not: so the essential packages are unpacked first, without any, and theirs are called then.
 */
import { mkdir, readdir } from "node:fs/promises";
import { BuildError } from "@tsbake/base";
import { refuseLinks } from "@tsbake/sandbox";
import type { InstallRequest, InstallResult, Planned, Solution } from "../database/backend.js";
import { DPKG_FOLDER } from "../deb/database.js";
import { clampTimes, completeRoot, normaliseRoot } from "../deb/normalise.js";
import { withoutServices } from "../deb/services.js";
import { essentialOf, makeFrame, mergedFolders, verify, wholeInstall } from "../deb/whole-root.js";
import { installFailed } from "../problems.js";
import { headersOfRoot, readRpmDatabase, writeRpmDatabase } from "./database.js";
import { rpmScriptlet } from "./format/read.js";
import { findRpm, RPM_FOLDER, type RpmTool, runRpm } from "./tool.js";
import { runTriggers } from "./triggers.js";

/** @throws BuildError `packaging/install-failed`, `packaging/no-rpm` */
export async function installRpm(
  request: InstallRequest,
  { packages, changes }: Solution,
): Promise<InstallResult> {
  const { root, sandbox, architecture, onProgress } = request;
  const tool = await findRpm();
  await verify(packages);
  await mkdir(root, { recursive: true });
  if ((await readdir(root)).length > 0) throw new Error(`internal: ${root} is not empty`);
  await makeFrame(root, mergedFolders(architecture));
  await sandbox.run("sh", ["-c", FIRST_FOLDERS, "sh", root]);
  const first = essentialOf(packages);
  const rest = packages.filter((one) => !first.includes(one));
  const warnings = await withoutServices(request, async (coverDaemons) => {
    onProgress?.(`unpacking ${first.length} essential packages`);
    const accounts = first.filter(({ name }) => name === "base-passwd");
    await addPackages(tool, request, accounts, ["--noscripts", "--nodeps"]);
    await sandbox.run("sh", ["-c", FIRST_ACCOUNTS, "sh", root]);
    const others = first.filter((one) => !accounts.includes(one));
    await addPackages(tool, request, others, ["--noscripts"]);
    await coverDaemons();
    onProgress?.(`setting up ${first.length} essential packages`);
    for (const tag of ["preInstall", "postTransaction"] as const)
      for (const one of first) await callScriptlet(request, one, tag);
    onProgress?.(`installing ${rest.length} packages`);
    await addPackages(tool, request, rest);
    await runTriggers(request, await readRpmDatabase(root, architecture));
  });
  return finish(request, { packages, changes }, warnings);
}

async function finish(
  request: InstallRequest,
  { changes }: Solution,
  warnings: readonly string[],
): Promise<InstallResult> {
  const { root, sandbox, epochSeconds, architecture } = request;
  await sandbox.run("sh", ["-c", CLEAN_UP, "sh", root]);
  // Scripts may have done anything to it, and from here on we follow its paths ourselves.
  for (const folder of [RPM_FOLDER, DPKG_FOLDER]) await refuseLinks(root, folder);
  await writeRpmDatabase(root, await headersOfRoot(root));
  const database = await readRpmDatabase(root, architecture);
  await normaliseRoot(sandbox, root, database);
  const missing = await completeRoot(sandbox, root, database, request.extra?.(database));
  await clampTimes(sandbox, root, epochSeconds);
  return wholeInstall(changes, database, [...warnings, ...missing]);
}

/** $1: root. Where scriptlets and rpm's own files are put before any package brings it. */
const FIRST_FOLDERS = `
set -eu
cd "$1"
mkdir -p var/tmp tmp etc ${RPM_FOLDER}
chmod 1777 var/tmp tmp
`;

/** $1: root. rpm asks them for the owners of files; the package that has them would make them itself when it is set up. */
const FIRST_ACCOUNTS = `
set -eu
cd "$1"
for name in passwd group; do
    if [ -f usr/share/base-passwd/$name.master ] && [ ! -L etc ] && [ ! -e etc/$name ]; then
        cp usr/share/base-passwd/$name.master etc/$name
    fi
done
`;

/** $1: root. What is there only while scriptlets run, and rpm's locks. */
const CLEAN_UP = `
set -eu
cd "$1"
rm -rf ${DPKG_FOLDER}/tmp.ci ${DPKG_FOLDER}/updates ${DPKG_FOLDER}/parts ${DPKG_FOLDER}/triggers ${RPM_FOLDER}/.rpm.lock
for name in status available; do [ -L ${DPKG_FOLDER}/$name ] || : >${DPKG_FOLDER}/$name; done
`;

/** In one transaction; rpm puts them in order. @throws BuildError `packaging/install-failed` */
export async function addPackages(
  tool: RpmTool,
  request: Pick<InstallRequest, "root" | "sandbox" | "epochSeconds">,
  packages: readonly Planned[],
  flags: readonly string[] = [],
): Promise<void> {
  if (packages.length === 0) return;
  const paths = packages.map(({ path }) => path);
  await runRpm(tool, request, ["-i", "--ignorearch", "--ignoreos", "--ignoresize", ...flags, ...paths]);
}

/** As rpm calls it when the package is the first of its name. */
async function callScriptlet(
  { root, sandbox, epochSeconds }: InstallRequest,
  { name, path }: Planned,
  tag: "preInstall" | "postTransaction",
): Promise<void> {
  const text = await rpmScriptlet(path, tag);
  if (text === "") return;
  const env = {
    SOURCE_DATE_EPOCH: String(epochSeconds),
    PERL_HASH_SEED: "0",
    DEBIAN_PRIORITY: "critical",
    LC_ALL: "C.UTF-8",
  };
  const done = await sandbox.run("chroot", [root, "/bin/sh", "-c", text, "sh", "1"], { mayFail: true, env });
  if (done.code === 0) return;
  const said = `${done.stdout}\n${done.stderr}`;
  throw new BuildError([
    installFailed(`a maintainer script of \`${name}\` ended with ${done.code ?? done.signal}`, said, "it"),
  ]);
}
