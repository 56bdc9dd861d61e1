import { readFileSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type Diagnostic, render, sha256 } from "@tsbake/base";
import {
  openProviders,
  parseProject,
  type ParsedProject,
  type ParseOptions,
  type RecipeId,
  type RecipeInfo,
} from "@tsbake/recipe";
import { LayerRig, parseOptions } from "../support/layers.js";
import { rejectionOf } from "../support/problem-of.js";

function optionsFor(rig: LayerRig, more: Partial<ParseOptions> = {}): ParseOptions {
  const sign: ParseOptions["signer"]["sign"] = (d, tasks) =>
    new Map(tasks.map((task) => [task, `${task} of ${d.getText("PN")} in ${d.getText("COLOUR")}`]));
  return parseOptions(rig, sign, more);
}

function parse(rig: LayerRig, more: Partial<ParseOptions> = {}): Promise<ParsedProject> {
  return parseProject(optionsFor(rig, more));
}

/** The rendered errors, with the rig's folder taken out. */
async function problemsOf(rig: LayerRig, more: Partial<ParseOptions> = {}): Promise<string> {
  const { diagnostics } = await rejectionOf(parse(rig, more));
  return diagnostics.map(render).join("\n").replaceAll(rig.folder, "DIR");
}

function recipe(project: ParsedProject, pn: string, pv?: string): RecipeInfo {
  const found = [...project.recipes.values()].find(
    (one) => one.pn === pn && (pv === undefined || one.pv === pv),
  );
  if (!found) throw new Error(`no recipe ${pn}`);
  return found;
}

/** A second layer, with its layer.conf; `more` is added to it. */
function addLayer(rig: LayerRig, name: string, more = ""): void {
  const folder = rig.path(`meta-${name}`);
  rig.write(
    `meta-${name}/conf/layer.conf`,
    `BBPATH .= ":\${LAYERDIR}"
BBFILES += "\${LAYERDIR}/recipes/*.bb \${LAYERDIR}/recipes/*.bbappend"
BBFILE_COLLECTIONS += "${name}"
BBFILE_PATTERN_${name} = "^\${LAYERDIR}/"
BBFILE_PATTERN_IGNORE_EMPTY_${name} = "1"
LAYERSERIES_COMPAT_${name} = "tested"
${more}`,
  );
  rig.write(
    "build/conf/bblayers.conf",
    `BBPATH = "\${TOPDIR}"\nBBLAYERS = "${rig.path("meta-unit")} ${folder}"\n`,
  );
}

describe("a project of one layer", () => {
  test("has every recipe and variant as plain data", async () => {
    await using rig = new LayerRig("meta-unit");
    const project = await parse(rig);
    const app = rig.path("meta-unit/recipes/app/app_1.2.bb");
    expect([...project.recipes.keys()]).toEqual([
      app,
      `virtual:native:${app}`,
      `virtual:branded:acme:${app}`,
      rig.path("meta-unit/recipes/lib/lib_1.0.bb"),
      rig.path("meta-unit/recipes/lib/lib_2.0.bb"),
    ]);
    expect(project.statistics).toEqual({ files: 3, cached: 0, skipped: 0, masked: 0 });
    expect(project.layers).toEqual([{ name: "unit", path: rig.path("meta-unit"), priority: 5 }]);
    expect(project.appends(app)).toEqual([rig.path("meta-unit/appends/app_%.bbappend")]);
    const base = rig.path("meta-unit/classes/base.bbclass");
    expect(recipe(project, "app")).toEqual({
      id: app,
      file: app,
      layer: "unit",
      layerPriority: 5,
      defaultPreference: 0,
      pn: "app",
      pe: "",
      pv: "1.2",
      pr: "r0",
      provides: ["virtual/app"],
      depends: ["lib", "virtual/thing"],
      packages: ["app", "app-dev"],
      packagesDynamic: ["^app-plugin-.*"],
      rdepends: { app: ["lib-data"], "app-dev": ["app"] },
      rrecommends: { app: ["lib-doc"] },
      rprovides: {},
      excludeFromWorld: false,
      stamp: join(rig.topdir, "stamps/app/1.2-r0"),
      tasks: {
        do_fetch: {
          name: "do_fetch",
          after: [],
          at: { file: base, line: 2 },
          baseHash: "do_fetch of app in redish",
        },
        do_compile: {
          name: "do_compile",
          after: ["do_fetch"],
          depends: ["tool-native:do_install"],
          at: { file: base, line: 6 },
          baseHash: "do_compile of app in redish",
        },
        do_install: {
          name: "do_install",
          after: ["do_compile"],
          noexec: true,
          artifact: { inputs: ["in"], outputs: ["out"], plain: [] },
          stampExtra: sha256("out").slice(0, 12),
          baseHash: "do_install of app in redish",
        },
        do_build: {
          name: "do_build",
          after: ["do_install"],
          recrdeptask: ["do_install"],
          nostamp: true,
          baseHash: "do_build of app in redish",
        },
      },
      facts: {
        COLOUR: { value: "redish", at: { file: rig.path("meta-unit/appends/app_%.bbappend"), line: 1 } },
      },
      sstateSpec: "sstate:app::1.2:r0::14:",
    });
  });

  test("makes variants from BBCLASSEXTEND, with the class last", async () => {
    await using rig = new LayerRig("meta-unit");
    const project = await parse(rig);
    expect(recipe(project, "app-native")).toMatchObject({
      packages: ["app-native"],
      facts: { COLOUR: { value: "grey" } },
    });
    expect(recipe(project, "app-acme").id).toMatch(/^virtual:branded:acme:\//);
    expect(recipe(project, "lib", "1.0")).toMatchObject({
      excludeFromWorld: true,
      rprovides: { lib: ["lib-data", "lib-doc"] },
      facts: { COLOUR: { value: "green" } },
    });
    const providers = openProviders(project);
    expect(providers.build("lib")).toBe(recipe(project, "lib", "1.0").id);
    expect(providers.runtime("app-plugin-x")).toBe(recipe(project, "app").id);
  });

  test("opens a recipe's own datastore, and Python functions follow it", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write("meta-unit/recipes/lib/own_1.bb", 'def own():\n    return 1\n\nA = "${@own()}"\n');
    rig.write("meta-unit/recipes/lib/other_1.bb", 'def other():\n    return 1\n\nA = "${@other()}"\n');
    const project = await parse(rig);
    const own = project.openRecipe(recipe(project, "own").id);
    const other = project.openRecipe(recipe(project, "other").id);
    // Each sees its own functions, whichever was opened last.
    expect(own.getText("A")).toBe("called own");
    expect(other.getText("A")).toBe("called other");
    own.setVar("B", "again ${@own()}");
    expect(own.getText("B")).toBe("again called own");
    // Whoever opens it next does not see what the first wrote.
    expect(project.openRecipe(recipe(project, "own").id).getText("B")).toBeUndefined();
    expect(project.openRecipe(recipe(project, "app-native").id).getText("PN")).toBe("app-native");
    expect(project.openRecipe(recipe(project, "app-native").id).getText("PV")).toBe("1.2");
    expect(() => project.openRecipe("/nowhere" as RecipeId)).toThrow("internal: no recipe /nowhere");
  });

  test("records why a recipe was skipped, and skips only that variant", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write(
      "meta-unit/recipes/lib/no_1.bb",
      'python() {\n    raise bb.parse.SkipRecipe("not for this machine")\n}\nPROVIDES = "virtual/no"\n',
    );
    rig.write(
      "meta-unit/recipes/lib/half_1.bb",
      'BBCLASSEXTEND = "native"\npython() {\n    ${FORBID}\n}\nFORBID = ""\nFORBID:class-native = "raise"\n',
    );
    const project = await parse(rig);
    expect(recipe(project, "no").skipped).toBe("not for this machine");
    expect(recipe(project, "half").skipped).toBeUndefined();
    expect(project.statistics.skipped).toBe(1);
    expect(() => openProviders(project).build("virtual/no")).toThrow(
      "no PROVIDES virtual/no but was skipped: not for this machine",
    );
  });

  test("has configuration values, settings and the environment that may pass", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write(
      "build/conf/local.conf",
      'PREFERRED_VERSION_lib = "2.%"\nPREFERRED_PROVIDER_virtual/thing:tiny = "t"\n',
    );
    rig.write("pre.conf", 'FROM_PRE = "${TSBAKE_X}"\nMACHINE ?= "tiny"\n');
    rig.write("post.conf", 'FROM_POST = "${MACHINE}"\n');
    const project = await parse(rig, {
      initial: { TSBAKE_X: "first" },
      preFiles: [rig.path("pre.conf")],
      postFiles: [rig.path("post.conf")],
      environment: { PATH: "/bin", SECRET: "s", EXTRA: "e", BB_ENV_PASSTHROUGH_ADDITIONS: "EXTRA" },
    });
    const d = project.configuration();
    const values = [
      "FROM_PRE",
      "FROM_POST",
      "PATH",
      "SECRET",
      "EXTRA",
      "UNIT_FOLDER",
      "TOPDIR",
      "BB_CACHEDIR",
    ];
    expect(values.map((name) => d.getText(name))).toEqual([
      "first",
      "tiny",
      "/bin",
      undefined,
      "e",
      rig.path("meta-unit"),
      rig.topdir,
      join(rig.topdir, "cache"),
    ]);
    expect(d.getVarFlag("PATH", "export")).toBe(true);
    expect(d.getText("LAYERDIR")).toBeUndefined();
    expect(project.configurationText("PREFERRED_PROVIDER_virtual/thing")).toBe("t");
    expect(openProviders(project).build("lib")).toBe(recipe(project, "lib", "2.0").id);
  });
});

describe("handlers of ConfigParsed", () => {
  const handler = (...lines: readonly string[]): string =>
    `python h() {\n${lines.map((line) => `    ${line}\n`).join("")}}\naddhandler h\nh[eventmask] = "bb.event.ConfigParsed"\n`;

  test("may change the configuration, before recipes see it", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write("meta-unit/classes/telling.bbclass", handler('d.setVar("COLOUR", "handled")'));
    rig.write("build/conf/local.conf", 'INHERIT += "telling"\n');
    const project = await parse(rig);
    expect(project.configuration().getText("COLOUR")).toBe("handled");
    expect(recipe(project, "lib", "2.0").facts["COLOUR"]!.value).toBe("handled");
  });

  test("may have it read again, and not for ever", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write("meta-unit/classes/asking.bbclass", handler('d.setVar("BB_INVALIDCONF", True)'));
    rig.write("build/conf/local.conf", 'INHERIT += "asking"\n');
    expect(await problemsOf(rig)).toContain("error[recipe/configuration-loop]");
  });
});

describe("which files are read", () => {
  test("follows BBMASK, folders in BBFILES, priorities and the order of appends", async () => {
    await using rig = new LayerRig("meta-unit");
    addLayer(
      rig,
      "top",
      `BBFILE_PRIORITY_top = "9"
BBFILES += "\${LAYERDIR}/more"
BBMASK = "lib_2 [ |/masked/ |"
`,
    );
    rig.write("meta-top/recipes/app_1.%.bbappend", 'COLOUR .= " on top"\n');
    rig.write("meta-top/recipes/lib_1.0.bb", "");
    rig.write("meta-top/more/deep/er/deep_1.bb", "");
    rig.write("meta-top/more/.svn/hidden_1.bb", "");
    rig.write("meta-top/more/masked/out_1.bb", "");
    const warnings: Diagnostic[] = [];
    const project = await parse(rig, { onWarning: (warning) => warnings.push(warning) });
    const files = [...project.recipes.values()].filter(({ id, file }) => id === file).map(({ file }) => file);
    expect(files.map((file) => file.slice(rig.folder.length + 1))).toEqual([
      "meta-unit/recipes/app/app_1.2.bb",
      "meta-unit/recipes/lib/lib_1.0.bb",
      "meta-top/recipes/lib_1.0.bb",
      "meta-top/more/deep/er/deep_1.bb",
    ]);
    expect(project.statistics.masked).toBe(2);
    expect(recipe(project, "app").facts["COLOUR"]!.value).toBe("redish on top");
    expect(openProviders(project).build("lib")).toBe(rig.path("meta-top/recipes/lib_1.0.bb"));
    expect(warnings.map(({ message }) => message)).toEqual([
      "BBMASK has a word that is no regular expression, it is ignored: `[`",
      "BBMASK has a word that begins with `|` and would leave out every file: `|/masked/`; the rest of it counts",
      "BBMASK has a word that begins with `|` and would leave out every file: `|`; the rest of it counts",
    ]);
  });

  test("takes BBFILES_DYNAMIC of layers that are there, and of ! those that are not", async () => {
    await using rig = new LayerRig("meta-unit");
    addLayer(
      rig,
      "dyn",
      'BBFILES_DYNAMIC = "unit:${LAYERDIR}/with/*.bb !unit:${LAYERDIR}/without/*.bb !gone:${LAYERDIR}/no/*.bb"\n',
    );
    for (const name of ["with", "without", "no"]) rig.write(`meta-dyn/${name}/${name}_1.bb`, "");
    const project = await parse(rig);
    const names = [...project.recipes.values()].map(({ pn }) => pn).filter((pn) => /^with|^no$/.test(pn));
    expect(names).toEqual(["with", "no"]);
  });

  test("puts core layers first, unless BBLAYERS names them under any path", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write("build/conf/bblayers.conf", 'BBPATH = "${TOPDIR}"\n');
    const core = rig.path("meta-unit");
    expect((await parse(rig, { coreLayers: [core] })).layers).toHaveLength(1);
    symlinkSync(core, rig.path("alias"));
    rig.write("build/conf/bblayers.conf", 'BBPATH = "${TOPDIR}"\nBBLAYERS = "${TOPDIR}/../alias/"\n');
    const project = await parse(rig, { coreLayers: [core] });
    expect(project.layers.map(({ path }) => realpathSync(path))).toEqual([realpathSync(core)]);
  });
});

describe("what is wrong", () => {
  test.each<[string, (rig: LayerRig) => void, string]>([
    [
      "a layer folder that does not exist",
      (rig) => rig.write("build/conf/bblayers.conf", 'BBLAYERS = " \\\n  /nowhere/meta-x \\\n"\n'),
      `error[recipe/missing-layer]: the layer folder does not exist: /nowhere/meta-x
 --> DIR/build/conf/bblayers.conf:2:3
  |
2 |   /nowhere/meta-x \\
  |   ^^^^^^^^^^^^^^^
help: correct the path in BBLAYERS, or fetch the layer`,
    ],
    [
      "a folder that is no layer",
      (rig) => rig.write("build/conf/bblayers.conf", 'BBLAYERS = "${TOPDIR}/../meta-unit/recipes"\n'),
      `error[recipe/missing-layer-conf]: the folder is no layer, it has no conf/layer.conf: DIR/meta-unit/recipes
 --> DIR/build/conf/bblayers.conf:1:26
  |
1 | BBLAYERS = "\${TOPDIR}/../meta-unit/recipes"
  |                          ^^^^^^^^^^^^^^^^^
help: name the folder that holds the layer's conf/ in BBLAYERS`,
    ],
    [
      "no layer at all",
      (rig) => rig.remove("build/conf/bblayers.conf"),
      `error[recipe/no-layers]: no layer is configured: DIR/build/conf/bblayers.conf is missing or sets no BBLAYERS
help: run in a build folder, or write conf/bblayers.conf with the paths of your layers in BBLAYERS`,
    ],
    [
      "no bitbake.conf",
      (rig) => rig.remove("meta-unit/conf/bitbake.conf"),
      `error[recipe/missing-bitbake-conf]: no layer has a conf/bitbake.conf; looked in DIR/build, DIR/meta-unit
help: add a core layer to BBLAYERS in conf/bblayers.conf; its conf/layer.conf has to add it to BBPATH`,
    ],
    [
      "a layer that needs another",
      (rig) => addLayer(rig, "top", 'LAYERDEPENDS_top = "unlt (>= 3) unit (>= 4) nobody"\n'),
      `error[recipe/missing-layer-dependency]: layer \`top\` depends on layer \`unlt\`, which is not in this configuration
 --> DIR/meta-top/conf/layer.conf:7:1
  |
7 | LAYERDEPENDS_top = "unlt (>= 3) unit (>= 4) nobody"
  | ^^^^^^^^^^^^^^^^
help: is \`unit\` meant?
error[recipe/layer-version]: layer \`top\` depends on \`unit\` (>= 4), which is version 3
 --> DIR/meta-top/conf/layer.conf:7:1
  |
7 | LAYERDEPENDS_top = "unlt (>= 3) unit (>= 4) nobody"
  | ^^^^^^^^^^^^^^^^
help: check that the branches of the two layers belong together
error[recipe/missing-layer-dependency]: layer \`top\` depends on layer \`nobody\`, which is not in this configuration
 --> DIR/meta-top/conf/layer.conf:7:1
  |
7 | LAYERDEPENDS_top = "unlt (>= 3) unit (>= 4) nobody"
  | ^^^^^^^^^^^^^^^^
help: add the layer \`nobody\` to BBLAYERS`,
    ],
    [
      "a layer of another release",
      (rig) => addLayer(rig, "top", 'LAYERSERIES_COMPAT_top = "older oldest"\n'),
      `error[recipe/incompatible-layer]: layer \`top\` is made for older, oldest, and the core layer is tested
 --> DIR/meta-top/conf/layer.conf:7:1
  |
7 | LAYERSERIES_COMPAT_top = "older oldest"
  | ^^^^^^^^^^^^^^^^^^^^^^
help: check out the branch of the layer that fits the core layer`,
    ],
    [
      "two layers of one name",
      (rig) => addLayer(rig, "top", 'BBFILE_COLLECTIONS += "unit"\n'),
      `error[recipe/duplicate-collection]: two layers call themselves \`unit\` in BBFILE_COLLECTIONS
 --> DIR/meta-top/conf/layer.conf:7:1
  |
7 | BBFILE_COLLECTIONS += "unit"
  | ^^^^^^^^^^^^^^^^^^
help: remove one of them from BBLAYERS, or rename its collection in its conf/layer.conf`,
    ],
    [
      "patterns, priorities and dynamic files that cannot be read",
      (rig) =>
        addLayer(
          rig,
          "top",
          'BBFILE_PATTERN_top = "["\nBBFILE_PRIORITY_top = "high"\nLAYERDEPENDS_top = "unit (3)"\n',
        ),
      `error[recipe/bad-layer-priority]: BBFILE_PRIORITY_top is not a whole number: \`high\`
 --> DIR/meta-top/conf/layer.conf:8:1
  |
8 | BBFILE_PRIORITY_top = "high"
  | ^^^^^^^^^^^^^^^^^^^
help: set it to a number; a higher one wins over a lower one
error[recipe/bad-layer-dependency]: LAYERDEPENDS_top has a condition that cannot be understood: \`(3)\`
 --> DIR/meta-top/conf/layer.conf:9:1
  |
9 | LAYERDEPENDS_top = "unit (3)"
  | ^^^^^^^^^^^^^^^^
help: write it as \`other-layer (>= 3)\`, with an operator of = < > <= >= and the whole in parentheses
error[recipe/wrong-pattern]: BBFILE_PATTERN_top of the layer is no regular expression: \`[\`
 --> DIR/meta-top/conf/layer.conf:7:1
  |
7 | BBFILE_PATTERN_top = "["
  | ^^^^^^^^^^^^^^^^^^
help: correct the expression; its syntax is Python's`,
    ],
    [
      "appends without a recipe",
      (rig) => {
        rig.write("meta-unit/appends/gone_1.bbappend", "");
        rig.write("meta-unit/appends/lost_%.bbappend", "");
      },
      `error[recipe/dangling-append]: no recipe for 2 appends:
  DIR/meta-unit/appends/gone_1.bbappend
  DIR/meta-unit/appends/lost_%.bbappend
help: name each append as its recipe is named (\`%\` stands for any version), or mask it with BBMASK`,
    ],
    [
      "a configuration with a name that cannot be typed in a target",
      (rig) => rig.write("build/conf/local.conf", 'BBMULTICONFIG = "one 2nd"\n'),
      `error[recipe/multiconfig-name]: BBMULTICONFIG has a name that cannot be used: \`2nd\`
help: choose a name that does not begin with a digit and has neither \`:\` nor \`*\` in it`,
    ],
    [
      "a preference that is no number",
      (rig) => rig.write("meta-unit/recipes/lib/lib_2.0.bb", 'DEFAULT_PREFERENCE = "low"\n'),
      `error[recipe/unreadable-value]: DEFAULT_PREFERENCE of DIR/meta-unit/recipes/lib/lib_2.0.bb has to be a whole number, not \`low\`
 --> DIR/meta-unit/recipes/lib/lib_2.0.bb:1:1
  |
1 | DEFAULT_PREFERENCE = "low"
  | ^^^^^^^^^^^^^^^^^^
help: correct DEFAULT_PREFERENCE`,
    ],
  ])("%s", async (_, change, expected) => {
    await using rig = new LayerRig("meta-unit");
    change(rig);
    expect(await problemsOf(rig)).toBe(expected);
  });

  test("a file for -r or -R that is not there, or no configuration", async () => {
    await using rig = new LayerRig("meta-unit");
    expect(await problemsOf(rig, { preFiles: ["/nowhere.conf"] })).toContain(
      "error[recipe/missing-configuration-file]: no such configuration file: /nowhere.conf",
    );
    rig.write("notes.txt", "");
    expect(await problemsOf(rig, { postFiles: [rig.path("notes.txt")] })).toBe(
      `error[recipe/not-metadata]: DIR/notes.txt is read as metadata, and its name is none of a metadata file
help: use the ending .conf, or .inc for a part of a recipe`,
    );
  });

  test("is told of every file in one run, and what was right is kept", async () => {
    await using rig = new LayerRig("meta-unit");
    rig.write("meta-unit/recipes/lib/a_1.bb", "A = b\nC = d\n");
    rig.write("meta-unit/recipes/lib/z_1.bb", "inherit nothing-like-it\n");
    const text = await problemsOf(rig);
    expect(text.match(/--> .*/g)).toEqual([
      "--> DIR/meta-unit/recipes/lib/a_1.bb:1:5",
      "--> DIR/meta-unit/recipes/lib/a_1.bb:2:5",
      "--> DIR/meta-unit/recipes/lib/z_1.bb:1:9",
    ]);
    rig.remove("meta-unit/recipes/lib/a_1.bb");
    rig.remove("meta-unit/recipes/lib/z_1.bb");
    expect((await parse(rig)).statistics).toMatchObject({ files: 3, cached: 3 });
  });

  test("the core layer that comes with the program stays out where a layer is a core layer itself", async () => {
    await using rig = new LayerRig("meta-unit");
    addLayer(rig, "top");
    const core = rig.path("meta-ours");
    rig.write("meta-ours/conf/layer.conf", 'BBFILE_COLLECTIONS += "ours"\nBBFILE_PATTERN_ours = ""\n');
    const names = async () => (await parse(rig, { coreLayers: [core] })).layers.map(({ name }) => name);
    // Named in BBLAYERS it is a layer as any other; BitBake reads what is written.
    expect(await names()).toEqual(["unit", "top"]);
    rig.write("build/conf/bblayers.conf", `BBLAYERS = "${core} ${rig.path("meta-unit")}"\n`);
    expect(await names()).toEqual(["ours", "unit"]);
    // Without a core layer among them it comes first.
    rig.write("build/conf/bblayers.conf", `BBLAYERS = "${rig.path("meta-top")}"\n`);
    const bitbake = readFileSync(rig.path("meta-unit/conf/bitbake.conf"), "utf8");
    rig.write("meta-ours/conf/bitbake.conf", bitbake);
    rig.write("meta-ours/classes/base.bbclass", "");
    rig.write(
      "meta-ours/conf/layer.conf",
      `BBPATH .= ":\${LAYERDIR}"
BBFILE_COLLECTIONS += "ours"
BBFILE_PATTERN_ours = ""
LAYERSERIES_CORENAMES = "tested"
`,
    );
    expect(await names()).toEqual(["ours", "top"]);
  });

  test.each([
    // What BitBake 2.19 makes of them, as bbfile_config_priorities.
    ["not set: one more than the lowest of the others", { unit: "5", b: "" }, {}, { unit: 5, b: 6 }],
    ["0 counts as not set", { unit: "5", b: "0", c: "7" }, {}, { unit: 5, b: 8, c: 7 }],
    [
      "one more than the highest that it needs",
      { unit: "5", b: "9", c: "" },
      { c: "b" },
      { unit: 5, b: 9, c: 10 },
    ],
    [
      "through another that has none",
      { unit: "5", b: "", c: "" },
      { b: "unit", c: "b" },
      { unit: 5, b: 6, c: 7 },
    ],
    ["below zero", { unit: "5", b: "-3", c: "" }, {}, { unit: 5, b: -3, c: -2 }],
  ])("BBFILE_PRIORITY %s", async (_, priorities, depends, expected) => {
    await using rig = new LayerRig("meta-unit");
    const layers = ["unit", ...Object.keys(priorities).filter((name) => name !== "unit")];
    for (const name of layers.slice(1)) {
      const needs = (depends as Record<string, string>)[name];
      addLayer(
        rig,
        name,
        `BBFILE_PRIORITY_${name} = "${(priorities as Record<string, string>)[name]}"\n${needs ? `LAYERDEPENDS_${name} = "${needs}"\n` : ""}`,
      );
    }
    rig.write(
      "build/conf/bblayers.conf",
      `BBLAYERS = "${layers.map((name) => rig.path(`meta-${name}`)).join(" ")}"\n`,
    );
    const project = await parse(rig);
    expect(Object.fromEntries(project.layers.map(({ name, priority }) => [name, priority]))).toEqual(
      expected,
    );
  });

  test("warns of a layer without LAYERSERIES_COMPAT and of one without recipes", async () => {
    await using rig = new LayerRig("meta-unit");
    addLayer(rig, "top", 'BBFILE_PATTERN_IGNORE_EMPTY_top = "0"\nLAYERSERIES_COMPAT_top = ""\n');
    const codes: string[] = [];
    await parse(rig, { onWarning: ({ code }) => codes.push(code) });
    expect(codes).toEqual(["recipe/no-series-compat", "recipe/empty-layer"]);
  });
});
