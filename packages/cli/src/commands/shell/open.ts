/** `tsbake shell --on IMAGE`: builds the image's tree where that is needed, and opens the overlay over it. */
import { join } from "node:path";
import { type Drift, driftRows, runShell, type ShellRequest } from "@tsbake/overlay/shell";
import type { Display } from "../../display/display.js";
import { NOT_TRIED } from "../../process/exit-code.js";
import { tableText } from "../../text/table.js";
import { buildRequest } from "../build.js";
import type { Asked, SessionCommand } from "../command.js";
import { holderText, overlaysOf, RPM_TOOLS, rpmPrograms } from "./folder.js";

export const shell: SessionCommand = { failed: NOT_TRIED, run };

/** Have package managers in their sysroots. */
const TOOLS = { deb: "apt-native", rpm: RPM_TOOLS, ipk: undefined };

type Opened = Omit<ShellRequest, "onDrift" | "onProgress" | "onStart">;

/** The build folder is let go before the command starts. */
async function run(asked: Asked, display: Display): Promise<number> {
  const opened = await prepared(asked, display);
  // A task failed, which has been told.
  if (opened === undefined) return NOT_TRIED;
  let isLent = false;
  try {
    return await runShell({
      ...opened,
      onProgress: (text) => display.see({ type: "step", text }),
      onDrift: (drift) => asked.around.stderr.write(driftText(drift)),
      onStart() {
        display.lend(true);
        isLent = true;
      },
    });
  } finally {
    if (isLent) display.lend(false);
  }
}

/** Before the prompt. */
export function driftText(drift: Drift): string {
  const rows = driftRows(drift);
  const head = `${drift.base} has been built anew since this shell was open`;
  return rows.length === 0
    ? `${head}; nothing of the shell is touched by it\n`
    : `${head}:\n${tableText(rows.map((row) => ["", ...row]))}`;
}

async function prepared({ request, around, options }: Asked, display: Display): Promise<Opened | undefined> {
  const asked = request.shell!;
  const build = await around.lockBuild(options, "everything");
  try {
    const base = build.imageBase(asked.on);
    const tools = TOOLS[base.format];
    const targets = [`${asked.on}:do_base_tree`, ...(tools ? [`${tools}:do_populate_sysroot`] : [])];
    const { summary, outputs } = await build.build({ ...buildRequest(request, around), targets });
    if (summary?.ok === false) {
      display.conclude(summary, outputs);
      return undefined;
    }
    const value = (name: string): string => build.project.configurationText(name) ?? "";
    return {
      overlays: overlaysOf(build),
      name: asked.name,
      base: {
        recipe: asked.on,
        tree: base.tree,
        format: base.format,
        architecture: value("DPKG_ARCH"),
      },
      tools: tools && build.sysrootFolder(tools),
      programs: base.format === "rpm" ? rpmPrograms(build) : undefined,
      indexedFeeds: base.indexedFeeds,
      feed: {
        folder: join(value("DL_DIR"), "feed"),
        architecture: value("DPKG_ARCH"),
        ...(base.sources !== undefined && { sources: base.sources }),
      },
      recipePackages: join(value("DEPLOY_DIR"), base.format),
      binds: asked.binds,
      isOffline: asked.isOffline,
      boots: asked.boots,
      updatesDatabase: asked.updatesDatabase,
      command: asked.command,
      environment: around.environment,
      holder: holderText(),
      signal: around.kill,
    };
  } finally {
    await build.close();
  }
}
