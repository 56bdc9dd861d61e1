/** `tsbake bundle`: what was built as one file that another project builds on; `show` and `verify` look into one. */
import { join, resolve } from "node:path";
import { type LockedBuild, showBundle, verifyBundle, type BundleManifest } from "@tsbake/engine";
import type { Display } from "../display/display.js";
import { ALL_WELL, FAILED } from "../process/exit-code.js";
import { sizeText } from "../text/quantities.js";
import { count } from "../text/text.js";
import { buildRequest } from "./build.js";
import type { Answer, Asked, SessionCommand } from "./command.js";

export const bundle: SessionCommand = { locked: { holds: () => "everything", run } };

async function run({ request, around }: Asked, build: LockedBuild, display: Display): Promise<number> {
  const { to } = request.images;
  const path = to === undefined ? defaultPath(build, request.targets) : resolve(around.directory, to);
  const done = await build.bundle(buildRequest(request, around), path);
  const { summary, outputs } = done.build;
  if (done.bundle === undefined) {
    if (summary) display.conclude(summary, outputs);
    return FAILED;
  }
  const { recipes, artifacts, sizeBytes, isSigned } = done.bundle;
  const parts = [count(recipes, "recipe"), count(artifacts, "artifact"), sizeText(sizeBytes)];
  const signed = isSigned ? "signed" : "not signed (BUNDLE_SIGN_KEY is empty)";
  display.answer(`${path}: ${parts.join(", ")}, ${signed}\n`, done.bundle);
  return ALL_WELL;
}

/** Beside what is deployed. */
function defaultPath({ project, topdir }: LockedBuild, targets: readonly string[]): string {
  const name = (targets[0] ?? "build").replaceAll(/[^A-Za-z0-9.+-]/g, "-");
  const machine = project.configurationText("MACHINE") ?? "";
  return join(project.configurationText("DEPLOY_DIR") ?? topdir, "bundles", `${name}-${machine}.bundle.tar`);
}

export const bundleShow: SessionCommand = {
  async answerAlone({ request, around }) {
    const path = resolve(around.directory, request.targets[0]!);
    const manifest = await showBundle(path);
    return { text: shownText(manifest), data: manifest };
  },
};

export const bundleVerify: SessionCommand = {
  async answerAlone({ request, around }): Promise<Answer> {
    const path = resolve(around.directory, request.targets[0]!);
    const { parts, digest } = await verifyBundle(path, undefined);
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    return {
      text: `${path}: ${count(parts.length, "part")}, ${sizeText(sizeBytes)}, as they were written\ndigest ${digest}\n`,
      data: { path, parts: parts.length, sizeBytes, digest },
    };
  },
};

function shownText(manifest: BundleManifest): string {
  const { targets, machine, distro, architecture, packages, layers, recipes, parts, digest } = manifest;
  const size = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return [
    `${targets.join(" ")} for ${machine} (${distro}, ${architecture}, ${packages})`,
    `${count(parts.length, "part")}, ${sizeText(size)}, digest ${digest}`,
    "",
    "Layers:",
    ...layers.map(
      ({ name, revision, modified }) =>
        `  ${name} ${revision ?? "(in no repository)"}${modified ? ", with changes that are not committed" : ""}`,
    ),
    "",
    "Recipes:",
    ...recipes.map(({ name, version, tasks }) => `  ${name} ${version}: ${tasks.join(" ")}`),
    "",
  ].join("\n");
}
