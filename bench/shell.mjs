/**
 * `bench shell`: a package tried in the overlay shell and kept, beside the same by hand: a copy of the tree, systemd-nspawn and apt in
 * it. The base has apt, so that both use the same one.
 */
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { capture, inTurns, seconds, summary, table, timed } from "./measure.mjs";
import { inFolder, openProject, ROOT } from "./project.mjs";

const BASE = "base-image";
const PACKAGE = "htop";
const APT = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGE];
const OPENED_S = 1;
/** Without a systemd of this machine, and nothing left below its /run. */
const ALONE = [
  "--mount",
  "--propagation",
  "private",
  "sh",
  "-c",
  'mount -t tmpfs tmpfs /run && exec "$@"',
  "sh",
];
const NSPAWN = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--resolv-conf=off"];

export async function shell(options) {
  if (process.getuid?.() !== 0) throw new Error("systemd-nspawn needs root: run as root");
  const runs = options.runs ?? 3;
  const downloads = resolve(options.downloads ?? join(ROOT, "build/downloads"));
  return inFolder(options.keep, async (folder) => {
    const layer = join(folder, "meta-bench");
    await writeLayer(layer);
    const lines = [
      `IMAGE_PREINSTALL:append:pn-${BASE} = " apt"`,
      `BBLAYERS:append = " ${layer}"`,
      `OVERLAY_DIR = "${join(folder, "overlays")}"`,
    ];
    const project = await openProject(join(folder, "project"), downloads, lines);
    const words = ["-q", "-r", join(folder, "project/bench.conf"), "shell"];
    const env = { TSBAKE_BUILD_DIR: project.build };
    const ours = (...args) => timed("./tsbake", [...words, ...args], { cwd: ROOT, env });
    const opened = (name, ...command) => ours("--on", BASE, "--name", name, "--", ...command);
    process.stderr.write("first build\n");
    await opened("warm", "true");
    const tree = join(folder, "tree");
    await mkdir(tree);
    const tar = join(project.build, `tmp/work/generic/${BASE}/1.0/base-tree-output/rootfs.tar`);
    await capture("tar", ["-C", tree, "-xpf", tar, "--numeric-owner", "--xattrs", "--xattrs-include=*"]);
    const byHand = join(folder, "by-hand");
    const nspawn = (...command) => timed("unshare", [...ALONE, ...NSPAWN, "-D", byHand, ...command]);
    const copy = async () => {
      await rm(byHand, { recursive: true, force: true });
      const done = await timed("cp", ["-a", tree, byHand]);
      await useFeedOfHost(byHand);
      return done;
    };
    let count = 0;
    const name = () => `try${count}`;
    const fresh = () => rm(join(layer, "recipes-tools"), { recursive: true, force: true });
    const open = await inTurns(runs, {
      ours: () => opened("warm", "true"),
      peer: async () => plus(await copy(), await nspawn("true")),
    });
    const install = await inTurns(runs, {
      ours: () => opened(`try${++count}`, ...APT),
      peer: async () => {
        await copy();
        return plus(await nspawn("apt-get", "update", "-qq"), await nspawn(...APT));
      },
    });
    const keep = await inTurns(runs, {
      ours: async () => {
        await fresh();
        return ours("commit", name(), "--as", "bench-tools", "--layer", layer);
      },
      // What differs is all that one has by hand; there is no recipe.
      peer: () =>
        timed("sh", ["-c", 'diff -rq --no-dereference "$1" "$2" || test $? = 1', "diff", tree, byHand]),
    });
    const bytes = { ours: await bytesOf(join(folder, "overlays", name())), peer: await bytesOf(byHand) };
    console.log(`\nSeconds of ${runs} runs: best (mean ± standard error). CPU: user + system, best.\n`);
    const rows = [
      row("open it, `true`", open, `≤ ${OPENED_S} s`),
      row(`install ${PACKAGE} (by hand after the copy)`, install, ""),
      row("keep it: commit; by hand a list of what differs", keep, ""),
      [
        "MiB on the disk for it",
        ...[bytes.ours, bytes.peer].map((one) => (one / 2 ** 20).toFixed(1)),
        "",
        "",
        "",
      ],
    ];
    console.log(table(["what", "ours", "by hand", "bar", "CPU ours", "CPU by hand"], rows));
    return 0;
  });
}

function row(what, { ours, peer }, bar) {
  return [
    what,
    seconds(ours.wall),
    seconds(peer.wall),
    bar,
    ...[ours, peer].map(({ cpu }) => summary(cpu).best.toFixed(2)),
  ];
}

function plus(left, right) {
  return { ...left, wall: left.wall + right.wall, cpu: left.cpu + right.cpu };
}

async function writeLayer(layer) {
  await mkdir(join(layer, "conf"), { recursive: true });
  const conf = [
    'BBPATH .= ":${LAYERDIR}"',
    'BBFILES += "${LAYERDIR}/recipes-*/*/*.bb"',
    'BBFILE_COLLECTIONS += "bench"',
    'BBFILE_PATTERN_bench = "^${LAYERDIR_RE}/"',
    'LAYERSERIES_COMPAT_bench = "first"',
  ];
  await writeFile(join(layer, "conf/layer.conf"), conf.map((line) => `${line}\n`).join(""));
}

/** As one does by hand: this machine's sources and keys. */
async function useFeedOfHost(tree) {
  for (const name of ["etc/apt", "usr/share/keyrings", "etc/resolv.conf"])
    await cp(join("/", name), join(tree, name), { recursive: true, dereference: true, force: true });
}

async function bytesOf(folder) {
  const { stdout } = await capture("du", ["-sxB1", folder]);
  return Number(stdout.split("\t")[0]);
}
