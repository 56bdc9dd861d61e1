import { describe, expect, test } from "@jest/globals";
import { compareVersions, type Diagnostic, render } from "@tsbake/base";
import { openProviders, type Providers, type RecipeInfo } from "@tsbake/recipe";
import fc from "fast-check";
import { problemOf } from "../support/problem-of.js";

/** A recipe as short as a case needs it: `/layer/pn_pv.bb` with what differs from the plainest. */
function recipe(id: string, more: Partial<RecipeInfo> = {}): RecipeInfo {
  const [, pn = "", pv = ""] = /([^/]+)_([^/]+)\.bb$/.exec(id) ?? [];
  return {
    id: id as RecipeInfo["id"],
    file: id,
    layer: "l",
    layerPriority: 5,
    defaultPreference: 0,
    pn,
    pe: "",
    pv,
    pr: "r0",
    provides: [],
    depends: [],
    packages: [pn],
    packagesDynamic: [],
    rdepends: {},
    rrecommends: {},
    rprovides: {},
    excludeFromWorld: false,
    stamp: "",
    tasks: {},
    facts: {},
    sstateSpec: "",
    ...more,
  };
}

function open(
  recipes: readonly RecipeInfo[],
  configuration: Record<string, string> = {},
  warnings: Diagnostic[] = [],
): Providers {
  const project = {
    recipes: new Map(recipes.map((one) => [one.id, one])),
    configurationText: (name: string) => configuration[name],
  };
  return openProviders(project, (warning) => warnings.push(warning));
}

function messageOf(action: () => unknown): string {
  return problemOf(action).diagnostics.map(render).join("\n");
}

/** Three versions of x in two layers, and two recipes for virtual/y. */
const X1 = recipe("/a/x_1.0.bb");
const X2 = recipe("/a/x_2.0.bb");
const X3 = recipe("/a/x_2.0~rc1.bb");
const XHIGH = recipe("/b/x_1.5.bb", { layerPriority: 6 });
const XNOT = recipe("/a/x_9.0.bb", { defaultPreference: -1 });
const Y = recipe("/a/y_1.bb", { provides: ["virtual/y"], packages: ["y", "liby"] });
const Z = recipe("/a/z_1.bb", {
  provides: ["virtual/y"],
  packages: ["z"],
  rprovides: { z: ["liby"] },
  packagesDynamic: ["^z-module-.*", "gtk+-plugin-.*"],
});

describe("which recipe builds a name", () => {
  test.each<[string, readonly RecipeInfo[], Record<string, string>, string, string | undefined]>([
    ["the newest version", [X1, X2, X3], {}, "x", "/a/x_2.0.bb"],
    ["the layer with the higher priority, even if older", [X1, X2, XHIGH], {}, "x", "/b/x_1.5.bb"],
    ["not one with a lower DEFAULT_PREFERENCE", [XNOT, X1], {}, "x", "/a/x_1.0.bb"],
    ["PREFERRED_VERSION", [X1, X2], { PREFERRED_VERSION_x: "1.0" }, "x", "/a/x_1.0.bb"],
    ["PREFERRED_VERSION with %", [X1, X2, XHIGH], { PREFERRED_VERSION_x: "2%" }, "x", "/a/x_2.0.bb"],
    [
      "PREFERRED_VERSION in spite of DEFAULT_PREFERENCE",
      [XNOT, X1],
      { PREFERRED_VERSION_x: "9%" },
      "x",
      "/a/x_9.0.bb",
    ],
    [
      "the override before the suffix",
      [X1, X2],
      { "PREFERRED_VERSION:pn-x": "1.0", PREFERRED_VERSION_x: "2.0" },
      "x",
      "/a/x_1.0.bb",
    ],
    ["PREFERRED_VERSION for all", [X1, X2], { PREFERRED_VERSION: "1.0" }, "x", "/a/x_1.0.bb"],
    [
      "an epoch that fits",
      [recipe("/a/x_1.0.bb", { pe: "2" }), X2],
      { PREFERRED_VERSION_x: "2:1.0" },
      "x",
      "/a/x_1.0.bb",
    ],
    [
      "the latest when the epoch does not fit",
      [X1, X2],
      { PREFERRED_VERSION_x: "2:1.0" },
      "x",
      "/a/x_2.0.bb",
    ],
    [
      "the latest when the preference is not there",
      [X1, X2],
      { PREFERRED_VERSION_x: "7" },
      "x",
      "/a/x_2.0.bb",
    ],
    ["nothing when the requirement is not there", [X1, X2], { REQUIRED_VERSION_x: "7" }, "x", undefined],
    [
      "REQUIRED_VERSION over PREFERRED_VERSION",
      [X1, X2],
      { REQUIRED_VERSION_x: "1.0", PREFERRED_VERSION_x: "2.0" },
      "x",
      "/a/x_1.0.bb",
    ],
    ["the first by name", [Y, Z], {}, "virtual/y", "/a/y_1.bb"],
    ["PREFERRED_PROVIDER", [Y, Z], { "PREFERRED_PROVIDER_virtual/y": "z" }, "virtual/y", "/a/z_1.bb"],
    ["PREFERRED_PROVIDERS", [Y, Z], { PREFERRED_PROVIDERS: "virtual/y:z a:b" }, "virtual/y", "/a/z_1.bb"],
    [
      "the recipe of that very name before others that provide it",
      [recipe("/a/a_1.bb", { provides: ["x"] }), X1],
      {},
      "x",
      "/a/x_1.0.bb",
    ],
    ["no recipe that was skipped", [recipe("/a/x_3.0.bb", { skipped: "no" }), X1], {}, "x", "/a/x_1.0.bb"],
  ])("%s", (_, recipes, configuration, name, expected) => {
    expect(open(recipes, configuration).findBuild(name)).toBe(expected);
    // The order in which files are found is no input.
    expect(open(recipes.toReversed(), configuration).findBuild(name)).toBe(expected);
  });
});

describe("which recipe makes a package", () => {
  test.each<[string, readonly RecipeInfo[], Record<string, string>, string, string | undefined]>([
    ["PACKAGES", [X1, Y], {}, "liby", "/a/y_1.bb"],
    ["RPROVIDES", [X1, Z], {}, "liby", "/a/z_1.bb"],
    ["PACKAGES_DYNAMIC", [X1, Z], {}, "z-module-net", "/a/z_1.bb"],
    ["PACKAGES_DYNAMIC, where + is a plain letter", [X1, Z], {}, "gtk+-plugin-a", "/a/z_1.bb"],
    [
      "an exact name before a pattern",
      [recipe("/a/q_1.bb", { packages: ["z-module-net"] }), Z],
      {},
      "z-module-net",
      "/a/q_1.bb",
    ],
    ["PREFERRED_RPROVIDER", [Y, Z], { PREFERRED_RPROVIDER_liby: "z" }, "liby", "/a/z_1.bb"],
    [
      "PREFERRED_PROVIDER of something it provides",
      [Y, Z],
      { "PREFERRED_PROVIDER_virtual/y": "z" },
      "liby",
      "/a/z_1.bb",
    ],
    ["nothing", [X1], {}, "liby", undefined],
  ])("%s", (_, recipes, configuration, name, expected) => {
    expect(open(recipes, configuration).findRuntime(name)).toBe(expected);
  });

  test("says which preferences speak against each other", () => {
    const both = [
      recipe("/a/y_1.bb", { provides: ["virtual/y"], packages: ["liby"] }),
      recipe("/a/yy_1.bb", { packages: ["liby"] }),
      recipe("/a/z_1.bb", { provides: ["virtual/z"], packages: ["liby"] }),
    ];
    const configuration = { "PREFERRED_PROVIDER_virtual/y": "y", "PREFERRED_PROVIDER_virtual/z": "z" };
    expect(messageOf(() => open(both, configuration).runtime("liby"))).toBe(
      `error[recipe/conflicting-runtime-preferences]: several preferences speak for different providers of \`liby\`: PREFERRED_PROVIDER_virtual/y = y, PREFERRED_PROVIDER_virtual/z = z
help: set PREFERRED_RPROVIDER_liby to the recipe that is meant`,
    );
  });

  test("does not ask the recipe after the first hit, as BitBake does not", () => {
    const both = [
      recipe("/a/y_1.bb", { provides: ["virtual/y"], packages: ["liby"] }),
      recipe("/a/z_1.bb", { provides: ["virtual/z"], packages: ["liby"] }),
    ];
    const configuration = { "PREFERRED_PROVIDER_virtual/y": "y", "PREFERRED_PROVIDER_virtual/z": "z" };
    expect(open(both, configuration).runtime("liby")).toBe("/a/y_1.bb");
  });
});

describe("what nobody provides", () => {
  test.each<[string, (providers: Providers) => unknown, string]>([
    [
      "has near names",
      (providers) => providers.build("busybx"),
      "error[recipe/nothing-provides]: no recipe provides `busybx`\nhelp: is `busybox` meant?",
    ],
    [
      "names who asked",
      (providers) => providers.build("nothing-like-it", "/a/busybox_1.bb" as RecipeInfo["id"]),
      "error[recipe/nothing-provides]: no recipe provides `nothing-like-it`, which `busybox` needs (DEPENDS or a task flag of /a/busybox_1.bb)\nhelp: check the spelling, and that the layer with the recipe is in BBLAYERS; `tsbake -s` lists the recipes; what the archive has to build with is a recipe of two lines: `inherit feed`, and FEED_PACKAGES with the names of its packages",
    ],
    [
      "gives the reason of a skip",
      (providers) => providers.build("gone"),
      "error[recipe/nothing-provides]: no recipe provides `gone`; gone was skipped: not for you\nhelp: make the reason for skipping it go away, or choose another recipe",
    ],
    [
      "gives the reason of a skip for what would have been provided",
      (providers) => providers.build("virtual/gone"),
      "error[recipe/nothing-provides]: no recipe provides `virtual/gone`; gone PROVIDES virtual/gone but was skipped: not for you\nhelp: make the reason for skipping it go away, or choose another recipe",
    ],
    [
      "may be a package",
      (providers) => providers.build("busybox-syslog"),
      "error[recipe/nothing-provides]: no recipe provides `busybox-syslog`\nhelp: `busybox-syslog` is a package of `busybox`: name that recipe",
    ],
    [
      "at run time too",
      (providers) => providers.runtime("busybox-syslg"),
      "error[recipe/nothing-rprovides]: no recipe makes a package `busybox-syslg`\nhelp: is `busybox-syslog` or `busybox` meant?",
    ],
  ])("%s", (_, ask, expected) => {
    const providers = open([
      recipe("/a/busybox_1.bb", { packages: ["busybox", "busybox-syslog"] }),
      recipe("/a/gone_1.bb", { skipped: "not for you", provides: ["virtual/gone"] }),
    ]);
    expect(messageOf(() => ask(providers))).toBe(expected);
  });

  test("names the versions when a required one is missing", () => {
    expect(messageOf(() => open([X1, X2], { REQUIRED_VERSION_x: "7" }).build("x"))).toBe(
      `error[recipe/required-version-missing]: there is no version 7 of \`x\`, which REQUIRED_VERSION asks for
help: there is \`1.0\` or \`2.0\``,
    );
  });
});

describe("warnings", () => {
  test("come once, for choices that nobody made and preferences that cannot be met", () => {
    const warnings: Diagnostic[] = [];
    const providers = open(
      [X1, Y, Z],
      { PREFERRED_VERSION_x: "7", PREFERRED_PROVIDERS: "virtual/q:a virtual/q:b odd" },
      warnings,
    );
    for (let round = 0; round < 2; round++) {
      providers.build("virtual/y");
      providers.build("x");
      providers.runtime("liby");
    }
    expect(warnings.map(({ code }) => code)).toEqual([
      "recipe/conflicting-preferred-providers",
      "recipe/malformed-preferred-providers",
      "recipe/multiple-providers",
      "recipe/preferred-version-missing",
      "recipe/multiple-runtime-providers",
    ]);
  });
});

describe("lists", () => {
  test("versions are those of BitBake's table", () => {
    const recipes = [X1, X2, Y, recipe("/a/w_1.bb", { pe: "1" }), recipe("/a/w_2.bb", { pe: "1" })];
    expect(open(recipes, { PREFERRED_VERSION_x: "1.0", REQUIRED_VERSION_w: "1" }).versions()).toEqual([
      { pn: "w", latest: "1:2-r0", preferred: "", required: "1:1-r0" },
      { pn: "x", latest: ":2.0-r0", preferred: ":1.0-r0", required: "" },
      { pn: "y", latest: ":1-r0", preferred: "", required: "" },
    ]);
  });

  test("world leaves out virtual and shared providers and what asked to be left out", () => {
    const recipes = [
      X1,
      X2,
      Y,
      Z,
      recipe("/a/odd_1.bb", { excludeFromWorld: true }),
      recipe("/a/p_1.bb", { provides: ["shared"] }),
      recipe("/a/q_1.bb", { provides: ["shared"] }),
      recipe("/a/alone_1.bb", { provides: ["only-mine"] }),
    ];
    expect(open(recipes).world()).toEqual(["/a/alone_1.bb", "/a/x_2.0.bb"]);
  });

  test("ASSUME_PROVIDED has names and expressions", () => {
    const providers = open([], { ASSUME_PROVIDED: "git-native ^virtual/.*-native lib.$ tar" });
    const names = ["git-native", "git-native-x", "virtual/a-native", "liba", "liba-dev", "tar", "tarx"];
    expect(names.filter((name) => providers.isAssumedProvided(name))).toEqual([
      "git-native",
      "virtual/a-native",
      "liba",
      "tar",
    ]);
  });
});

describe("version order", () => {
  /** Oldest first; what bb.utils.vercmp says. */
  const ORDERED = [
    "0~rc1",
    "0",
    "0.9",
    "1~rc2",
    "1",
    "1b",
    "1bc",
    "1-1",
    "1.0",
    "1.0a",
    "1.0.1",
    "1.2",
    "1.10",
  ];

  test("is total over what versions look like", () => {
    for (const [low, left] of ORDERED.entries()) {
      for (const [high, right] of ORDERED.entries()) {
        const order = compareVersions(["", left, ""], ["", right, ""]);
        expect({ left, right, order: Math.sign(order) }).toEqual({
          left,
          right,
          order: Math.sign(low - high),
        });
      }
    }
  });

  test("looks at the epoch first and the revision last", () => {
    expect(compareVersions(["1", "1.0", "r0"], ["", "2.0", "r9"])).toBeGreaterThan(0);
    expect(compareVersions(["", "1.0", "r2"], ["0", "1.0", "r10"])).toBeLessThan(0);
    expect(compareVersions(["", "20240101000000000001", ""], ["", "20240101000000000002", ""])).toBeLessThan(
      0,
    );
    expect(compareVersions(["", "1.007", ""], ["", "1.7", ""])).toBe(0);
  });

  test("is antisymmetric and transitive", () => {
    const version = fc.string({
      unit: fc.constantFrom("0", "1", "9", "a", "b", ".", "~", "+"),
      maxLength: 6,
    });
    const order = (left: string, right: string): number =>
      Math.sign(compareVersions(["", left, ""], ["", right, ""]));
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(order(a, b) + order(b, a)).toBe(0);
        expect(order(a, b) <= 0 && order(b, c) <= 0 && order(a, c) > 0).toBe(false);
      }),
    );
  });
});
