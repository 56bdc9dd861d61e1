import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import type { Diagnostic } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import {
  openProviders,
  parseProject,
  type ParsedProject,
  type ParseOptions,
  type RecipeId,
} from "@tsbake/recipe";
import { LayerRig, LittlePython, parseOptions } from "../support/layers.js";

/** Keeps what MultiConfigParsed brings, and does as OE's handler: something of every configuration goes into the first. */
class EventPython extends LittlePython {
  override handle(...[name, body, place, event, d]: Parameters<LittlePython["handle"]>): void {
    if (event.eventClass !== "bb.event.MultiConfigParsed") return super.handle(name, body, place, event, d);
    const mcdata = event.attributes["mcdata"] as Record<string, Datastore>;
    const machines = Object.entries(mcdata).map(([key, one]) => `${key}=${one.getText("MACHINE")}`);
    mcdata[""]!.setVar("SEEN", machines.join(" "));
  }
}

async function open(
  rig: LayerRig,
): Promise<{ project: ParsedProject; warnings: Diagnostic[]; signed: string[] }> {
  const python = new EventPython();
  const warnings: Diagnostic[] = [];
  const signed: string[] = [];
  const sign: ParseOptions["signer"]["sign"] = (d, tasks) => {
    signed.push(`${d.getText("__BBMULTICONFIG")} ${d.getText("PN")} ${d.getText("PV")}`);
    return new Map(tasks.map((task) => [task, `${task} on ${d.getText("MACHINE")}`]));
  };
  const more = { python: () => python, onWarning: (warning: Diagnostic) => warnings.push(warning) };
  const project = await parseProject(parseOptions(rig, sign, more));
  return { project, warnings, signed };
}

/** Two configurations beside the default one. */
function rigOf(): LayerRig {
  const rig = new LayerRig("meta-unit");
  rig.write(
    "build/conf/local.conf",
    `BBMULTICONFIG = "one two"
require \${@'conf/multiconfig/\${BB_CURRENT_MC}.conf' if '\${BB_CURRENT_MC}' else ''}
`,
  );
  rig.write("build/conf/multiconfig/one.conf", 'MACHINE = "first"\nPREFERRED_VERSION_lib = "2.0"\n');
  rig.write("build/conf/multiconfig/two.conf", 'MACHINE = "second"\nBBMASK = "/app[_/]"\n');
  return rig;
}

describe("several configurations", () => {
  test("each reads all recipes with its own values, preferences and masks", async () => {
    await using rig = rigOf();
    const { project } = await open(rig);
    expect(project.multiconfigs).toEqual(["", "one", "two"]);
    expect(project.multiconfigs.map((mc) => project.configurationText("MACHINE", mc))).toEqual([
      "none",
      "first",
      "second",
    ]);
    const app = rig.path("meta-unit/recipes/app/app_1.2.bb");
    const [lib1, lib2] = ["1.0", "2.0"].map((pv) => rig.path(`meta-unit/recipes/lib/lib_${pv}.bb`));
    expect([...project.recipes.keys()]).toEqual([
      app,
      `virtual:native:${app}`,
      `virtual:branded:acme:${app}`,
      lib1,
      lib2,
      `mc:one:${app}`,
      `mc:one:virtual:native:${app}`,
      `mc:one:virtual:branded:acme:${app}`,
      `mc:one:${lib1}`,
      `mc:one:${lib2}`,
      `mc:two:${lib1}`,
      `mc:two:${lib2}`,
    ]);
    expect(project.statistics).toEqual({ files: 8, cached: 0, skipped: 0, masked: 2 });
    const providers = openProviders(project);
    expect(providers.build("lib")).toBe(lib1);
    expect(providers.build("mc:one:lib")).toBe(`mc:one:${lib2}`);
    expect(providers.findBuild("mc:two:app")).toBeUndefined();
    expect(() => providers.build("mc:two:app")).toThrow("no recipe provides `mc:two:app`");
    const native = project.openRecipe(`mc:one:virtual:native:${app}` as RecipeId);
    expect(["PN", "MACHINE", "__BBMULTICONFIG"].map((name) => native.getText(name))).toEqual([
      "app-native",
      "first",
      "one",
    ]);
    expect(project.configuration("two").getText("BB_CURRENT_MC")).toBe("two");
  });

  test("what is told of shared files is told once", async () => {
    await using rig = rigOf();
    rig.write("meta-unit/recipes/lib/lib_3.0.bb", 'A${B} = "1"\nAx = "2"\nB = "x"\n');
    const { warnings } = await open(rig);
    const codes = warnings.map(({ code, message }) => `${code} ${message}`);
    expect(codes).toEqual([...new Set(codes)]);
    expect(codes).not.toEqual([]);
  });

  test("come from the cache, and a change of one leaves the recipes of the others there", async () => {
    await using rig = rigOf();
    await open(rig);
    expect((await open(rig)).signed).toEqual([]);
    rig.write("build/conf/multiconfig/two.conf", 'MACHINE = "third"\nBBMASK = "/app[_/]"\n');
    const changed = await open(rig);
    expect(changed.signed).toEqual(["two lib 1.0", "two lib 2.0"]);
    rig.write("build/conf/local.conf", 'BBMULTICONFIG = ""\n');
    const fewer = await open(rig);
    expect([fewer.project.multiconfigs, fewer.project.recipes.size]).toEqual([[""], 5]);
  });

  test("MultiConfigParsed brings all of them to the default one's handlers, before anything is taken from them", async () => {
    await using rig = rigOf();
    rig.write(
      "meta-unit/classes/watcher.bbclass",
      'addhandler watcher\nwatcher[eventmask] = "bb.event.MultiConfigParsed"\npython watcher() {\n    pass\n}\n',
    );
    rig.write("build/conf/multiconfig/two.conf", 'MACHINE = "second"\nINHERIT += "watcher"\n');
    expect((await open(rig)).project.configuration().getText("SEEN")).toBeUndefined();
    const bitbake = readFileSync(rig.path("meta-unit/conf/bitbake.conf"), "utf8");
    rig.write("meta-unit/conf/bitbake.conf", `INHERIT += "watcher"\n${bitbake}`);
    const { project } = await open(rig);
    expect(project.configurationText("SEEN")).toBe("=none one=first two=second");
    const cached = await open(rig);
    expect(cached.signed).toEqual([]);
    expect(cached.project.configuration().getText("SEEN")).toBe("=none one=first two=second");
  });
});
