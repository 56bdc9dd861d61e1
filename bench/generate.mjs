/** A layer of made-up recipes, the same for the same seed: ten tasks each, few recipes that many need, many that none needs. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export const TASKS = 10;
/** The recipe that needs all others. */
export const TARGET = "everything";
/** Tasks of tsbake's core layer, which would come on top of ours. */
const CORE_TASKS =
  "fetch unpack patch prepare_recipe_sysroot configure compile install populate_sysroot sysroot_ready package " +
  "packagedata package_write_deb build";

/** mulberry32, public domain: 32 bits of state, good enough for shapes. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Writes layer `folder` with `count` recipes and {@link TARGET}.
 *
 * @param {string} folder
 * @param {number} count
 * @param {number} [seed]
 */
export async function generateLayer(folder, count, seed = 1) {
  const next = random(seed);
  await mkdir(join(folder, "conf"), { recursive: true });
  await mkdir(join(folder, "classes"), { recursive: true });
  await writeFile(join(folder, "conf/layer.conf"), LAYER);
  await writeFile(join(folder, "classes/bench.bbclass"), benchClass());
  for (let at = 0; at < count; at++) {
    if (at % 100 === 0) await mkdir(join(folder, "recipes", group(at)), { recursive: true });
    await writeFile(join(folder, "recipes", group(at), `${nameOf(at)}_1.0.bb`), recipe(at, next));
  }
  const all = Array.from({ length: count }, (_, at) => nameOf(at)).join(" ");
  await writeFile(
    join(folder, "recipes", group(0), `${TARGET}_1.0.bb`),
    `inherit bench\nDEPENDS = "${all}"\n`,
  );
}

function nameOf(at) {
  return `part${at}`;
}

function group(at) {
  return `group${Math.floor(at / 100)}`;
}

function recipe(at, next) {
  // A cube leans towards the early ones: most depend on a few.
  const needs = new Set();
  const wanted = at === 0 ? 0 : Math.min(at, 1 + Math.floor(next() ** 3 * 12));
  while (needs.size < wanted) needs.add(nameOf(Math.floor(next() ** 3 * at)));
  const lines = [
    `SUMMARY = "Part ${at}"`,
    'LICENSE = "MIT"',
    "inherit bench",
    `DEPENDS = "${[...needs].join(" ")}"`,
    `LEVEL = "${Math.floor(next() * 100)}"`,
  ];
  const options = Math.floor(next() ** 2 * 20);
  for (let option = 0; option < options; option++) {
    lines.push(`OPTION_${option} ?= "\${LEVEL} ${Math.floor(next() * 1000)}"`);
    lines.push(`OPTIONS:append = " --with-${option}=\${OPTION_${option}}"`);
  }
  lines.push("OPTIONS += \"${@bb.utils.contains('FEATURES', 'fast', '--fast', '--small', d)}\"");
  lines.push("do_s3() {", `    echo "${at} \${OPTIONS}"`, "}");
  return `${lines.join("\n")}\n`;
}

function benchClass() {
  const lines = [
    'INHIBIT_DEFAULT_DEPS = "1"',
    'PACKAGES = ""',
    'FEATURES ?= "fast"',
    'OPTIONS ?= ""',
    ...CORE_TASKS.split(" ").map((task) => `deltask ${task}`),
  ];
  for (let task = 0; task < TASKS; task++) {
    const after = task === 0 ? "" : ` after do_s${task - 1}`;
    lines.push(
      `do_s${task}() {`,
      `    echo "\${PN} \${PV} ${task} \${LEVEL}"`,
      "}",
      `addtask s${task}${after}`,
    );
  }
  lines.push('LEVEL ?= "0"', `do_s2[deptask] = "do_s${TASKS - 1}"`);
  return `${lines.join("\n")}\n`;
}

const LAYER = `BBPATH .= ":\${LAYERDIR}"
BBFILES += "\${LAYERDIR}/recipes/*/*.bb"
BBFILE_COLLECTIONS += "bench"
BBFILE_PATTERN_bench = "^\${LAYERDIR}/"
BBFILE_PRIORITY_bench = "10"
LAYERSERIES_COMPAT_bench = "first"
`;
