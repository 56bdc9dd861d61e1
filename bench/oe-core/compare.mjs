/** Two accounts of the same metadata, in JSON lines, and where they differ. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/**
 * @typedef {object} Account
 * @property {Map<string, object>} recipes by id
 * @property {Map<string, object>} skipped by id
 * @property {Map<string, object>} values by id
 */

/** @returns {Promise<Account>} */
export async function readAccount(path) {
  const account = { recipes: new Map(), skipped: new Map(), values: new Map() };
  const into = { recipe: account.recipes, skipped: account.skipped, values: account.values };
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const line = JSON.parse(text);
    into[line.kind].set(line.id, line);
  }
  return account;
}

/** Facts that a recipe line has beside kind and id. */
export const FACTS = [
  "pn",
  "pe",
  "pv",
  "pr",
  "provides",
  "depends",
  "rdepends",
  "rrecommends",
  "packages",
  "stamp",
  "tasks",
  "after",
  "flags",
];

/**
 * @param {Account} ours
 * @param {Account} peer
 * @returns {{what: string, compared: number, differences: string[]}[]}
 */
export function compareFacts(ours, peer) {
  const reports = [
    keysReport("recipe variants", ours.recipes, peer.recipes),
    keysReport("skipped variants", ours.skipped, peer.skipped),
  ];
  const both = [...ours.recipes.keys()].filter((id) => peer.recipes.has(id));
  for (const fact of FACTS) {
    const differences = [];
    for (const id of both) {
      const [left, right] = [ours, peer].map(({ recipes }) => canonical(recipes.get(id)[fact]));
      if (left !== right) differences.push(`${shortId(id)}: ${firstDifference(left, right)}`);
    }
    reports.push({ what: fact, compared: both.length, differences });
  }
  return reports;
}

/**
 * @param {Account} ours
 * @param {Account} peer
 * @param {"values" | "flags"} part
 * @returns {{compared: number, reordered: number, byName: Map<string, {ids: string[], example: string}>}}
 */
export function compareValues(ours, peer, part) {
  let compared = 0;
  let reordered = 0;
  const byName = new Map();
  const differs = (name, id, example) => {
    const known = byName.get(name);
    if (known) known.ids.push(id);
    else byName.set(name, { ids: [id], example: `${shortId(id)}: ${example}` });
  };
  for (const [id, line] of ours.values) {
    const right = peer.values.get(id)?.[part];
    if (right === undefined) throw new Error(`no values of ${id} from the peer`);
    const left = line[part];
    for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
      if (isInternal(name)) continue;
      compared++;
      if (!(name in left)) differs(name, id, `only there: ${clip(canonical(right[name]))}`);
      else if (!(name in right)) differs(name, id, `only here: ${clip(canonical(left[name]))}`);
      else {
        // Which error is a matter of words; that there is one is not.
        const isError = "error" in Object(left[name]) && "error" in Object(right[name]);
        const [here, there] = [canonical(left[name]), canonical(right[name])];
        if (isError || here === there) continue;
        if (words(here) === words(there)) reordered++;
        else differs(name, id, firstDifference(here, there));
      }
    }
  }
  return { compared, reordered, byName };
}

/**
 * Tasks by what their base hashes are made of, for the recipes whose values both have.
 *
 * @param {Account} ours
 * @param {Account} peer
 * @returns {{compared: number, equal: number, causes: Map<string, {ids: string[], example: string}>}} tasks; names whose
 *   own needs or text differ
 */
export function compareInputs(ours, peer) {
  let [compared, equal] = [0, 0];
  const causes = new Map();
  for (const [id, { inputs: here }] of ours.values) {
    const there = peer.values.get(id).inputs;
    const wrong = new Set();
    for (const name of new Set([...Object.keys(here.needs), ...Object.keys(there.needs)])) {
      const [left, right] = [here, there].map((one) =>
        canonical({ needs: one.needs[name], text: String(one.values[name] ?? "") }),
      );
      if (left === right) continue;
      wrong.add(name);
      // What only one side reaches is reached from a name that both have.
      if (!(name in here.needs && name in there.needs)) continue;
      const known = causes.get(name);
      if (known) known.ids.push(id);
      else {
        const [extra, missing] = [
          [here, there],
          [there, here],
        ].map(([one, other]) => one.needs[name].filter((need) => !other.needs[name].includes(need)));
        const said =
          extra.length + missing.length > 0
            ? `only here ${extra.join(" ") || "nothing"}; only there ${missing.join(" ") || "nothing"}`
            : firstDifference(String(here.values[name]), String(there.values[name]));
        causes.set(name, { ids: [id], example: `${shortId(id)}: ${said}` });
      }
    }
    for (const task of here.tasks) {
      compared++;
      if (!reaches(here.needs, task, wrong) && !reaches(there.needs, task, wrong)) equal++;
    }
  }
  return { compared, equal, causes };
}

function reaches(needs, start, names) {
  const seen = new Set([start]);
  for (const name of seen) {
    if (names.has(name)) return true;
    for (const need of needs[name] ?? []) seen.add(need);
  }
  return false;
}

/** Tasks of all recipes, and how many of them have one base hash on both sides. */
export function compareHashes(ours, peer) {
  let [compared, equal] = [0, 0];
  const others = new Map();
  for (const [id, { basehashes }] of ours.recipes) {
    for (const [task, hash] of Object.entries(basehashes)) {
      const there = peer.recipes.get(id)?.basehashes[task];
      if (there === undefined) continue;
      compared++;
      if (hash === there) equal++;
      else others.set(task, [...(others.get(task) ?? []), id]);
    }
  }
  return { compared, equal, others };
}

/** Not metadata: what the engine itself keeps in the datastore. */
const OF_THE_ENGINE = new Set(["BBFILES_PRIORITIZED", "BBINCLUDED", "BB_CMDLINE", "BB_ORIGENV"]);

function isInternal(name) {
  return name.startsWith("_") || OF_THE_ENGINE.has(name);
}

/** Words in any order: what Python makes of a set comes in another order in each run. */
function words(text) {
  return text
    .split(/[\s"]+|\\[nt]/)
    .sort()
    .join(" ");
}

function keysReport(what, ours, peer) {
  const differences = [];
  for (const id of ours.keys()) if (!peer.has(id)) differences.push(`${shortId(id)}: only here`);
  for (const id of peer.keys()) if (!ours.has(id)) differences.push(`${shortId(id)}: only there`);
  return { what, compared: new Set([...ours.keys(), ...peer.keys()]).size, differences };
}

/** Text that is equal for equal data: keys sorted, lists that are sets here sorted by whoever wrote them. */
function canonical(value) {
  if (value === undefined) return "undefined";
  return JSON.stringify(value, (_, one) =>
    one !== null && typeof one === "object" && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([left], [right]) => (left < right ? -1 : 1)))
      : one,
  );
}

function firstDifference(left, right) {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at++;
  const from = Math.max(0, at - 40);
  return `here …${clip(left.slice(from))} there …${clip(right.slice(from))}`;
}

function clip(text) {
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

export function shortId(id) {
  return id.replace(/\/.*\//, "");
}
