/**
 * What a build costs whose server dies in the middle: a project that builds all itself, one whose server knows all and is killed at the
 * first artifact that it is asked for, and one whose server goes silent there with its connections open. Nothing comes from the
 * server in any of them: the difference is what the server's end costs.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { timed } from "../measure.mjs";
import { ROOT } from "../project.mjs";
import { startOurs } from "./servers.mjs";

const RECIPES = 24;
const TASK_SECONDS = 0.5;

const nameOf = (at) => `part${at}`;

/** Most of a recipe's time is waiting, which is the same on a busy machine. */
function writeProject(project) {
  const layer = join(project, "meta-bench");
  mkdirSync(join(layer, "conf"), { recursive: true });
  mkdirSync(join(layer, "recipes/all"), { recursive: true });
  writeFileSync(
    join(layer, "conf/layer.conf"),
    `BBPATH .= ":\${LAYERDIR}"
BBFILES += "\${LAYERDIR}/recipes/*/*.bb"
BBFILE_COLLECTIONS += "bench"
BBFILE_PATTERN_bench = "^\${LAYERDIR_RE}/"
LAYERDEPENDS_bench = "core"
LAYERSERIES_COMPAT_bench = "first"
`,
  );
  for (let at = 0; at < RECIPES; at++)
    writeFileSync(
      join(layer, "recipes/all", `${nameOf(at)}_1.0.bb`),
      `SUMMARY = "Part ${at}"
LICENSE = "CLOSED"
INHIBIT_DEFAULT_DEPS = "1"
PACKAGES = ""
do_compile() {
    head -c 2000000 /dev/urandom >made
    sleep ${TASK_SECONDS}
}
do_install() {
    install -D -m 0644 made \${D}/usr/share/\${PN}/made
}
`,
    );
  writeFileSync(
    join(layer, "recipes/all/everything_1.0.bb"),
    `SUMMARY = "All of them"
LICENSE = "CLOSED"
INHIBIT_DEFAULT_DEPS = "1"
PACKAGES = ""
DEPENDS = "${Array.from({ length: RECIPES }, (_one, at) => nameOf(at)).join(" ")}"
`,
  );
  writeFileSync(
    join(project, "tsbake.yaml"),
    `header:
  version: 14
machine: generic
distro: debian
target: everything
repos:
  bench:
    path: meta-bench
`,
  );
  mkdirSync(join(project, "build/conf"), { recursive: true });
}

/** @returns its seconds, how often it warned of the server, and how many recipes were compiled */
async function build(project, configuration) {
  for (const name of ["tmp", "sstate-cache", "cache/hash-equivalences.jsonl"])
    rmSync(join(project, "build", name), { recursive: true, force: true });
  writeFileSync(
    join(project, "build/conf/site.conf"),
    `BB_NUMBER_THREADS = "4"\nBBMASK += "/recipes/images/ /recipes/sysfacts/"\n${configuration}`,
  );
  const done = await timed("node", [join(ROOT, "scripts/start.js"), "--ui", "json", "everything"], {
    cwd: project,
  });
  const events = done.stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  const compiled = events.filter(
    ({ type, label }) => type === "task-finished" && label.endsWith(":do_compile"),
  );
  return {
    wall: done.wall,
    warnings: done.stdout.split('"code":"engine/shared-state"').length - 1,
    compiled: compiled.length,
  };
}

const reading = (port) =>
  `SSTATE_MIRRORS = "file://.* http://127.0.0.1:${port}/sstate/PATH;downloadfilename=PATH"\n`;

/** In front of the server, until the first artifact is asked for. @param {"killed" | "silent"} end */
async function untilAsked(target, end) {
  const sockets = new Set();
  let isOver = false;
  const front = createServer((client) => {
    const server = connect({ host: target.hostname, port: Number(target.port) });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("close", () => server.destroy());
    server.on("data", (piece) => isOver || client.write(piece));
    client.on("data", (piece) => {
      isOver ||= /^GET \S+\.tar\.\w+ /m.test(piece.toString("latin1"));
      if (!isOver) server.write(piece);
      else if (end === "killed") {
        front.close();
        for (const socket of sockets) socket.destroy();
      }
    });
  });
  await new Promise((resolve) => front.listen(0, "127.0.0.1", resolve));
  return {
    port: front.address().port,
    wasAsked: () => isOver,
    close: () => {
      front.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** @param {string} folder @param {number} runs of which the best counts: what disturbs only adds */
export async function dying(folder, runs) {
  const project = join(folder, "project");
  writeProject(project);
  const server = await startOurs(join(folder, "objects"));
  const target = new URL(server.url);
  const walls = { alone: [], killed: [], silent: [] };
  try {
    // Not counted: what is read once is read here, and the server gets all objects.
    writeFileSync(join(project, "build/conf/token"), `${server.token}\n`);
    await build(
      project,
      `SSTATE_MIRROR_PUSH = "${server.url}"\nSSTATE_MIRROR_PUSH_TOKEN_FILE = "\${TOPDIR}/conf/token"\nSSTATE_MIRROR_PUSH_WAIT = "60"\n`,
    );
    const shared = await build(project, reading(target.port));
    if (shared.compiled > 0) throw new Error(`the server lacks ${shared.compiled} of what was built`);
    for (let run = 0; run < runs; run++) {
      walls.alone.push((await build(project, "")).wall);
      for (const end of ["killed", "silent"]) {
        const front = await untilAsked(target, end);
        try {
          const { wall, warnings, compiled } = await build(project, reading(front.port));
          if (!front.wasAsked() || warnings !== 1 || compiled < RECIPES)
            throw new Error(`${end}: ${warnings} warnings instead of one, ${compiled} recipes compiled`);
          walls[end].push(wall);
        } finally {
          front.close();
        }
      }
    }
  } finally {
    server.end();
  }
  const best = (all) => Math.min(...all);
  console.log(`\n| best of ${runs} | s | beside no server |\n|---|---|---|`);
  for (const [what, all] of Object.entries(walls))
    console.log(`| ${what} | ${best(all).toFixed(1)} | ${(best(all) / best(walls.alone)).toFixed(2)} |`);
}
