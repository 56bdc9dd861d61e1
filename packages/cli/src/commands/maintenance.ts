/** `tsbake verify`, `tsbake sstate stats|verify|prune`, `tsbake feed update`: what is kept, and the words of the answers. */
import type { Build } from "@tsbake/engine";
import { ALL_WELL, FAILED } from "../process/exit-code.js";
import { ageText, sizeText } from "../text/quantities.js";
import { tableText } from "../text/table.js";
import { count } from "../text/text.js";
import type { SessionCommand } from "./command.js";

type SharedState = ReturnType<Build["sharedState"]>;
type Statistics = Awaited<ReturnType<SharedState["statistics"]>>;
type Verification = Awaited<ReturnType<SharedState["verify"]>>;
type Pruned = Awaited<ReturnType<SharedState["prune"]>>;

export const sstateStats: SessionCommand = {
  async answer(_asked, build) {
    const state = build.sharedState();
    const statistics = await state.statistics();
    return {
      text: statisticsText(state.folder, statistics, Date.now()),
      data: { folder: state.folder, ...statistics },
    };
  },
};

export const sstateVerify: SessionCommand = {
  async answer({ request }, build) {
    const state = build.sharedState();
    const found = await state.verify(request.maintenance.remove);
    return {
      text: verificationText(state.folder, found),
      data: { folder: state.folder, ...found },
      code: found.faults.length === 0 ? ALL_WELL : FAILED,
    };
  },
};

export const sstatePrune: SessionCommand = {
  async answer({ request }, build) {
    const { dryRun } = request;
    const { remove: _remove, ...limits } = request.maintenance;
    const state = build.sharedState();
    const pruned = await state.prune({ ...limits, dryRun });
    const text = prunedText(state.folder, pruned, dryRun, Date.now());
    return { text, data: { folder: state.folder, dryRun, ...pruned } };
  },
};

export const verify: SessionCommand = {
  async answer(_asked, build) {
    const found = build.verifyOutputs();
    const isSame = [...found.values()].every(({ changed }) => changed.length === 0);
    return {
      text: verifiedText(found),
      data: { folders: Object.fromEntries(found) },
      code: isSame ? ALL_WELL : FAILED,
    };
  },
};

export const feedUpdate: SessionCommand = {
  async answer(_asked, build) {
    const isNew = await build.updateFeed();
    return { text: isNew ? "the package lists changed\n" : "the package lists are as they were\n" };
  },
};

function statisticsText(folder: string, statistics: Statistics, nowMs: number): string {
  const { objects, damaged, sizeBytes, oldestUseMs, tasks } = statistics;
  const lines = [`${folder}: ${count(objects, "artifact")}, ${sizeText(sizeBytes)}`];
  if (oldestUseMs !== undefined) lines.push(`least recently used: ${ageText(nowMs - oldestUseMs)} ago`);
  if (damaged > 0) lines.push(asideText(damaged));
  const rows = tasks
    .toSorted((left, right) => right.sizeBytes - left.sizeBytes)
    .map((one) => [one.task, String(one.objects), sizeText(one.sizeBytes)]);
  if (rows.length > 0) lines.push("", tableText([["Task", "Artifacts", "Size"], ...rows]).trimEnd());
  return `${lines.join("\n")}\n`;
}

function verificationText(folder: string, found: Verification): string {
  const { checked, faults, setAside, removed, withSignatures } = found;
  const lines = faults.map(({ path, kind, why }) => `${kind}: ${path}: ${why}`);
  const of = (wanted: (typeof faults)[number]["kind"]) => {
    const number = faults.filter(({ kind }) => kind === wanted).length;
    return number === 0 ? [] : [`${number} ${wanted}`];
  };
  const good = `all are as they were made${withSignatures ? ", and signed by someone who is trusted" : ""}`;
  const result = faults.length === 0 ? good : [...of("damaged"), ...of("untrusted")].join(", ");
  lines.push(`${folder}: ${count(checked, "artifact")} compared, ${result}`);
  if (removed > 0) lines.push(`${count(removed, "damaged artifact")} deleted`);
  else if (setAside > 0) lines.push(asideText(setAside));
  return `${lines.join("\n")}\n`;
}

/** `tsbake verify`: a line a file that is not as it was installed, and one a TMPDIR. */
function verifiedText(found: ReturnType<Build["verifyOutputs"]>): string {
  const lines = [...found].flatMap(([tmpdir, { files, tasks, changed }]) => {
    const result = changed.length === 0 ? "all are as they were installed" : `${changed.length} changed`;
    return [
      ...changed.map(({ path, task }) => `changed: ${path}: ${task} has installed it`),
      `${tmpdir}: ${count(files, "file")} of ${count(tasks, "task")} compared, ${result}`,
    ];
  });
  if ([...found.values()].some(({ changed }) => changed.length > 0))
    lines.push("a build of a recipe, or `-c clean` and a build, installs its files again");
  return `${lines.join("\n")}\n`;
}

function asideText(number: number): string {
  return `${count(number, "damaged artifact")} set aside by builds (.bad): \`tsbake sstate verify --remove\` deletes them`;
}

const reasons: Readonly<Record<Pruned["removed"][number]["why"], string>> = {
  age: "not used for too long",
  size: "too much together",
  unwanted: "not needed by the targets",
  damaged: "damaged",
  rest: "rest of a broken-off write",
};

function prunedText(folder: string, pruned: Pruned, dryRun: boolean, nowMs: number): string {
  const { removed, freedBytes, keptObjects, keptBytes } = pruned;
  // Only a rehearsal is read line by line.
  const lines = dryRun
    ? removed.map(
        (one) =>
          `${one.path}  ${sizeText(one.sizeBytes)}, used ${ageText(nowMs - one.usedMs)} ago: ${reasons[one.why]}`,
      )
    : [];
  const words = dryRun ? "would be deleted" : "deleted";
  lines.push(
    `${folder}: ${removed.length} ${words}, ${sizeText(freedBytes)}; ${count(keptObjects, "artifact")} kept, ${sizeText(keptBytes)}`,
  );
  return `${lines.join("\n")}\n`;
}
