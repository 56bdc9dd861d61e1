/** `bench sysext`: what the main job costs, beside what others need for the same work on the same package files. */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { capture, inTurns, seconds, summary, table, timed } from "./measure.mjs";
import { inFolder, openProject, ROOT, sumOf } from "./project.mjs";
import { makeRepository, SUITE } from "./repository.mjs";

const BASE = "base-image";
const EXTENSION = "sysext-image";
const BASE_TASKS = [`${BASE}:do_rootfs`];
const EXTENSION_TASKS = ["do_rootfs", "do_image", "do_image_squashfs"].map((task) => `${EXTENSION}:${task}`);
const EPOCH = "1735689600";

export async function sysext(options) {
  if (process.getuid?.() !== 0) throw new Error("the peers need root: run as root");
  const runs = options.runs ?? 5;
  const { only } = options;
  return inFolder(options.keep, async (folder) => {
    const downloads = await readyDownloads(folder, options.downloads);
    const project = await openProject(join(folder, "project"), downloads);
    process.stderr.write("first build\n");
    const first = await project.run(EXTENSION);
    // Before anything is restored: restoring brings results, not the files that tasks worked with.
    const parts = await partsOf(folder, project, downloads);
    const rows = [];
    if (!only || only === "command") rows.push(...(await commandRows(project, first, runs)));
    if (!only || only === "sysext") rows.push(...(await extensionRows(folder, project, parts, runs)));
    // Last: a forced base makes every later build of the extension another one.
    if (!only || only === "base") rows.push(...(await baseRows(folder, project, parts, runs)));
    console.log(
      `\nSeconds of ${runs} runs: best (mean ± standard error). CPU: user + system, best; ours with start and parse.\n`,
    );
    console.log(table(["what", "ours", "peer", "peer's time", "ratio", "bar", "CPU ours", "CPU peer"], rows));
    return 0;
  });
}

/** The folder with all package files; a build of its own brings them when there is none yet. */
async function readyDownloads(folder, given) {
  const downloads = resolve(given ?? join(ROOT, "build/downloads"));
  if (await readdir(join(downloads, "feed/pool")).catch(() => undefined)) return downloads;
  if (given) throw new Error(`${downloads} holds no package files (feed/pool)`);
  process.stderr.write("downloading once\n");
  const own = join(folder, "downloads");
  await (await openProject(join(folder, "download"), own)).run(EXTENSION);
  return own;
}

/** What the peers are fed with. */
async function partsOf(folder, project, downloads) {
  const work = join(project.build, "tmp/work/generic");
  const closures = [BASE, EXTENSION].map((image) => join(work, image, "1.0/feed/do_rootfs.closure"));
  const repository = join(folder, "repository");
  const packages = join(project.build, "tmp/deploy/deb");
  const { source } = await makeRepository(repository, {
    closures,
    pool: join(downloads, "feed/pool"),
    packages,
  });
  const installed = await readFile(join(work, BASE, "1.0/rootfs-output/packages.txt"), "utf8");
  const names = installed
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" ")[0].split(":")[0]);
  return { work, repository, source, names, scripts: join(ROOT, "bench") };
}

async function commandRows(project, first, runs) {
  const timesOf = await inTurns(runs, {
    "no change": () => project.run(EXTENSION),
    restore: async () => {
      await rm(join(project.build, "tmp"), { recursive: true, force: true });
      const done = await project.run(EXTENSION);
      if (done.tasks.size > 0) throw new Error(`not restored: ${[...done.tasks.keys()].join(" ")}`);
      return done;
    },
  });
  return [
    row("no-change run", timesOf["no change"], "", undefined, "≤ 0.5 s"),
    row(
      "restore without tmp",
      timesOf.restore,
      "first build",
      { wall: [first.wall], cpu: [first.cpu] },
      "≤ 0.20",
    ),
  ];
}

async function extensionRows(folder, project, parts, runs) {
  // A restore leaves out what nobody needs; the peers need the native tools and the snapshot.
  await project.run("-C", "rootfs", EXTENSION);
  const native = join(parts.work, EXTENSION, "1.0/recipe-sysroot-native/usr/bin/mksquashfs");
  const snapshot = join(project.build, "tmp/pkgdb/generic", BASE);
  const byHand = [
    join(folder, "by-hand"),
    join(snapshot, "database"),
    parts.source,
    join(snapshot, "os-release"),
    native,
    await compressorOf(parts.work),
    ...["strace", "gdb", "htop", "sysfacts-watch"],
  ];
  const timesOf = await inTurns(runs, {
    "sysext step": () => ours(project, ["-C", "rootfs", EXTENSION], EXTENSION_TASKS),
    "by hand": () =>
      timed(join(parts.scripts, "by-hand-sysext.sh"), byHand, { env: { SOURCE_DATE_EPOCH: EPOCH } }),
  });
  return [
    row(
      "sysext step",
      timesOf["sysext step"],
      "apt, dpkg, mksquashfs by hand",
      timesOf["by hand"],
      "≤ 1.2, then 0.5",
    ),
  ];
}

/** The compressor options that our own task gave to mksquashfs. */
async function compressorOf(work) {
  const script = await readFile(join(work, EXTENSION, "1.0/temp/run.do_image_squashfs"), "utf8");
  const match = /convert_image squashfs "([^"]*)"/.exec(script);
  if (!match) throw new Error("run.do_image_squashfs does not call convert_image");
  return match[1].trim();
}

async function baseRows(folder, project, parts, runs) {
  const name = "base rootfs";
  const contenders = { [name]: () => ours(project, ["-f", "-c", "rootfs", BASE], BASE_TASKS) };
  const hasPeer = (await capture("sh", ["-c", "command -v mmdebstrap"])).code === 0;
  if (hasPeer) contenders.mmdebstrap = () => mmdebstrap(folder, parts);
  contenders.possible = () => possible(folder, parts);
  const timesOf = await inTurns(runs, contenders);
  const missing = [
    "base rootfs",
    "",
    "mmdebstrap",
    "not installed: apt-get install mmdebstrap",
    "",
    "",
    "",
    "",
  ];
  return [
    hasPeer ? row(name, timesOf[name], "mmdebstrap", timesOf.mmdebstrap, "≤ 1.2, then 0.5") : missing,
    row(name, timesOf[name], "parallel unpack, one configure", timesOf.possible, "(possible)"),
  ];
}

async function ours(project, args, labels) {
  const done = await project.run(...args);
  return { wall: sumOf(done.tasks, labels), cpu: done.cpu };
}

/** Only the links: mmdebstrap's own merged-usr hook replaces usr-is-merged while dpkg is not there yet. */
const MERGE =
  'for name in bin sbin lib lib32 lib64 libx32; do mkdir -p "$1/usr/$name"; ln -s "usr/$name" "$1/$name"; done';

/** The same packages by name; the root merges /usr as ours does. */
async function mmdebstrap(folder, parts) {
  const output = join(folder, "mmdebstrap.tar");
  await rm(output, { force: true });
  const args = ["--mode=root", "--variant=essential", `--include=${parts.names.join(",")}`];
  args.push(`--setup-hook=${MERGE}`, "--format=tar", "--quiet");
  args.push('--aptopt=APT::Install-Recommends "false"', "--dpkgopt=force-unsafe-io");
  args.push(SUITE, output, parts.source);
  return timed("mmdebstrap", args, { env: { SOURCE_DATE_EPOCH: EPOCH, TMPDIR: folder } });
}

async function possible(folder, parts) {
  const root = join(folder, "possible");
  await rm(root, { recursive: true, force: true });
  await mkdir(root);
  const index = await readFile(join(parts.repository, "Packages"), "utf8");
  const wanted = new Set(parts.names);
  const files = index.split("\n\n").flatMap((stanza) => {
    const name = /^Package: (.*)$/m.exec(stanza)?.[1];
    const file = /^Filename: (.*)$/m.exec(stanza)?.[1];
    return name && file && wanted.has(name) ? [join(parts.repository, file)] : [];
  });
  return timed(join(parts.scripts, "by-hand-rootfs.sh"), [root, join(folder, "possible.tar"), ...files]);
}

function row(what, mine, peer, theirs, bar) {
  const ratio = theirs ? (summary(mine.wall).best / summary(theirs.wall).best).toFixed(2) : "";
  return [
    what,
    seconds(mine.wall),
    peer,
    theirs ? seconds(theirs.wall) : "",
    ratio,
    bar,
    summary(mine.cpu).best.toFixed(2),
    theirs ? summary(theirs.cpu).best.toFixed(2) : "",
  ];
}
