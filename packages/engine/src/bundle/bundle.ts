/** `tsbake bundle`: builds what belongs into it, and writes it. */
import { BuildError, byText, sortedUnique, words } from "@tsbake/base";
import { objectName, openStamps } from "@tsbake/run";
import { multiconfigOf } from "@tsbake/recipe";
import { openSigner } from "@tsbake/sstate";
import type { BuildRequest, BuildResult, BundleResult } from "../build-types.js";
import type { EngineEvent } from "../events.js";
import { planBuild, type BuildContext } from "../phases/index.js";
import { bundleOfMulticonfig } from "../problems.js";
import { openStore } from "../state/store.js";
import { bundledRecipes, wantedTasks } from "./contents.js";
import { layerRevisions } from "./revisions.js";
import { writeBundle } from "./write.js";

export interface BundleOptions {
  readonly context: BuildContext;
  /** Targets as typed; none: the project's. */
  readonly request: BuildRequest;
  /** `….tar`: a tar; anything else: a folder. Absolute. */
  readonly path: string;
  readonly build: (request: BuildRequest) => Promise<BuildResult>;
  readonly onEvent: (event: EngineEvent) => void;
}

/** @throws BuildError as a build does; `engine/bundle-of-multiconfig`, and what {@link writeBundle} throws */
export async function makeBundle(options: BundleOptions): Promise<BundleResult> {
  const { context, request, path, onEvent } = options;
  const { project } = context;
  await project.prepare();
  const first = (await planBuild(context, request)).graph;
  const other = first.order.map((id) => first.node(id).recipe).find((id) => multiconfigOf(id) !== "");
  if (other !== undefined) throw new BuildError([bundleOfMulticonfig(multiconfigOf(other))]);
  const targets = first.targets.map((id) => first.label(id));
  const { task: _, ...rest } = request;
  const whole: BuildRequest = {
    ...rest,
    targets: [...targets, ...wantedTasks(first, project)],
    runAll: [],
    runOnly: [],
  };
  const build = await options.build(whole);
  if (build.summary?.ok === false) return { build };
  const plan = await planBuild(context, whole);
  const { graph } = plan;
  const { signatures } = await plan.sign(openStamps());
  const text = (name: string): string => project.configurationText(name)?.trim() ?? "";
  const { standIns, tasks } = bundledRecipes(graph, project);
  const signatureOf = (id: (typeof graph.order)[number]): string => signatures.of(id).unihash;
  const key = text("BUNDLE_SIGN_KEY");
  const signer =
    key === ""
      ? undefined
      : await openSigner({
          key,
          passphrase: text("BUNDLE_SIGN_PASSPHRASE"),
          trusted: [],
          program: text("GPG_BIN") || "gpg",
          home: text("GPG_PATH"),
        });
  const names = sortedUnique(first.targets.map((id) => project.recipes.get(first.node(id).recipe)!.pn));
  const sizeBytes = await writeBundle({
    path,
    contents: {
      targets: names,
      machine: text("MACHINE"),
      distro: text("DISTRO"),
      architecture: text("TARGET_ARCH"),
      packages: words(text("PACKAGE_CLASSES"))[0] ?? "",
      layers: await layerRevisions(project.layers),
      recipes: standIns.map(({ recipe, tasks: own }) => ({
        name: recipe.pn,
        version: recipe.pv,
        tasks: [...own.keys()].filter((name) => recipe.tasks[name]!.artifact !== undefined),
      })),
      signatures: Object.fromEntries(
        graph.order
          .map((id) => [graph.label(id), signatureOf(id)] as const)
          .sort(([left], [right]) => byText(left, right)),
      ),
    },
    layer: {
      targets: names,
      series: text("LAYERSERIES_CORENAMES"),
      locked: tasks.map(({ id, recipe, task }) => `${recipe.pn}:${task}:${signatureOf(id)}`),
    },
    standIns,
    surroundings: {
      taskNames: sortedUnique([...project.recipes.values()].flatMap(({ tasks: all }) => Object.keys(all))),
      folders: new Map([["TMPDIR", text("TMPDIR")]]),
    },
    objects: tasks.map(({ id, recipe, task }) => ({
      name: objectName(recipe, task, signatureOf(id)),
      label: `${recipe.pn}:${task}`,
    })),
    store: await openStore(project, { onEvent, signal: request.kill }),
    epochSeconds: Number.parseInt(text("SOURCE_DATE_EPOCH"), 10) || 0,
    signer,
    onProgress: (done, total) => onEvent({ type: "step", text: "copying artifacts", done, total }),
  });
  return {
    build,
    bundle: {
      path,
      recipes: standIns.length,
      artifacts: tasks.length,
      sizeBytes,
      isSigned: signer !== undefined,
    },
  };
}
