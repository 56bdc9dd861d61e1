/**
 * What tsbake's libraries make of the build folder that it is started in: the counterpart of `peer.py`, with the same lines.
 *
 * usage: node ours.mjs            parses, from the cache where it can, and prints what `bitbake -p` prints at its end
 *        node ours.mjs OUT [--values RECIPES]
 */
import { createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { BuildError, render } from "@tsbake/base";
import { SkipRecipe } from "@tsbake/datastore";
import { explainBase, openBaseSigner } from "@tsbake/graph";
import { metadataPython } from "@tsbake/python";
import { parseProject } from "@tsbake/recipe";

async function main() {
  const [out, , list] = process.argv.slice(2);
  const topdir = process.cwd();
  const python = metadataPython({
    cache: join(topdir, "cache/python"),
    onMessage: (level, text) => {
      if (level === "warning" || level === "error") process.stderr.write(`${level}: ${text}\n`);
    },
  });
  try {
    const project = await parseProject({
      topdir,
      environment: process.env,
      signer: await openBaseSigner(),
      ...python,
      onWarning: (diagnostic) => process.stderr.write(`${render(diagnostic)}\n`),
    });
    await report(project, out, list);
  } finally {
    python.close();
  }
}

async function report(project, out, list) {
  const { files, cached, skipped, masked } = project.statistics;
  process.stdout.write(
    `Parsing of ${files} .bb files complete (${cached} cached, ${files - cached} parsed). ` +
      `${project.recipes.size} targets, ${skipped} skipped, ${masked} masked, 0 errors.\n`,
  );
  if (out === undefined) return;
  const file = createWriteStream(out);
  const pid = new RegExp(`\\b${process.pid}\\b`, "g");
  const write = (line) => file.write(`${JSON.stringify(line).replace(pid, "PID")}\n`);
  for (const recipe of project.recipes.values()) {
    if (recipe.skipped === undefined) write(facts(recipe));
    else write({ kind: "skipped", id: recipe.id, pn: recipe.pn, reason: recipe.skipped });
  }
  for (const id of list === undefined ? [] : readFileSync(list, "utf8").split(/\s+/).filter(Boolean)) {
    await project.prepare([id]);
    const d = project.openRecipe(id);
    const tasks = Object.keys(project.recipes.get(id).tasks);
    // First, for what it finds must not depend on what was asked before.
    const inputs = await explainBase(d, tasks);
    write({ ...valuesOf(id, d), inputs: inputsOf(tasks, inputs) });
  }
  file.end();
  await finished(file);
}

function facts(recipe) {
  const flags = {};
  for (const task of Object.values(recipe.tasks)) {
    for (const flag of ["depends", "rdepends", "deptask", "rdeptask", "recrdeptask", "recideptask"]) {
      if (task[flag]) (flags[flag] ??= {})[task.name] = task[flag].join(" ");
    }
    for (const flag of ["nostamp", "noexec"]) if (task[flag]) (flags[flag] ??= {})[task.name] = "1";
  }
  return {
    kind: "recipe",
    id: recipe.id,
    pn: recipe.pn,
    pe: recipe.pe,
    pv: recipe.pv,
    pr: recipe.pr,
    provides: sorted([recipe.pn, ...recipe.provides]),
    depends: sorted(recipe.depends),
    rdepends: byPackage(recipe, recipe.rdepends),
    rrecommends: byPackage(recipe, recipe.rrecommends),
    packages: sorted(recipe.packages),
    stamp: recipe.stamp,
    tasks: sorted(Object.keys(recipe.tasks)),
    basehashes: Object.fromEntries(Object.values(recipe.tasks).map((task) => [task.name, task.baseHash])),
    after: Object.fromEntries(Object.values(recipe.tasks).map((task) => [task.name, sorted(task.after)])),
    flags,
  };
}

function valuesOf(id, d) {
  const values = {};
  const flags = {};
  for (const name of sorted(d.keys())) {
    const isPython = Boolean(d.getVarFlag(name, "func") && d.getVarFlag(name, "python"));
    try {
      values[name] = { value: plain(d.getVar(name, { expand: !isPython })) };
    } catch (error) {
      if (!(error instanceof BuildError || error instanceof SkipRecipe)) throw error;
      values[name] = { error: error.message };
    }
    const all = d.getVarFlags(name) ?? new Map();
    flags[name] = Object.fromEntries([...all].map(([flag, value]) => [flag, plain(value)]));
  }
  return { kind: "values", id, values, flags };
}

/** Base hashes' inputs; a name that no task needs counts for none. */
function inputsOf(tasks, { gendeps, varvals }) {
  const values = Object.fromEntries(Object.keys(gendeps).map((name) => [name, varvals[name] ?? null]));
  return { tasks: sorted(tasks), needs: gendeps, values };
}

/** What holds for the recipe as a whole, which has the empty name, holds for each package. */
function byPackage({ packages }, lists) {
  const all = packages.map((name) => [name, sorted([...(lists[""] ?? []), ...(lists[name] ?? [])])]);
  return Object.fromEntries(all.filter(([, list]) => list.length > 0));
}

/** What a variable or flag holds, as JSON that says the same of the other side's value. */
function plain(value) {
  if (value === undefined) return null;
  if (value instanceof Set) return sorted([...value].map(String));
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, one]) => [String(key), plain(one)]));
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object" && "path" in value) return value.path;
  return value;
}

function sorted(names) {
  return [...new Set(names)].sort();
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  for (const diagnostic of error.diagnostics) process.stderr.write(`${render(diagnostic)}\n`);
  process.exitCode = 1;
}
