/** Names, versions and relations of OE's recipes as Debian writes them; dpkg is the judge of what it allows. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BuildError } from "@tsbake/base";
import {
  debName,
  debRelations,
  debVersion,
  debWish,
  isDebName,
  isDebVersion,
  parseSpec,
} from "@tsbake/packaging";
import { run } from "../support/command.js";

describe("a name", () => {
  test.each([
    ["Foo_Bar", "foo-bar"],
    ["locale-de@euro", "locale-de+euro"],
    ["a,b/c", "a+b-c"],
    ["x<U0041>y", "xay"],
    ["libgcc-s1", "libgcc-s1"],
  ])("%s is %s", (text, expected) => {
    expect([debName(text), debName(expected)]).toEqual([expected, expected]);
  });

  test.each([
    ["Foo_Bar", "foo-bar"],
    ["-Foo", "-foo"],
    ["foo=1.0_A", "foo=1.0_A"],
    ["foo/bookworm", "foo/bookworm"],
    ["Foo:amd64", "foo:amd64"],
  ])("wished as %s is %s", (text, expected) => {
    expect(debWish(text)).toBe(expected);
  });
});

describe("a version", () => {
  test.each([
    ["5.15+git0+9909_d310-r0", "5.15+git0+9909+d310-r0"],
    ["git-r0", "0+git-r0"],
    ["1:gitAUTOINC+ab12-r0", "1:0+git0+ab12-r0"],
    ["1.0_rc1-r0", "1.0+rc1-r0"],
    ["2:1.0~rc1-r0", "2:1.0~rc1-r0"],
  ])("%s is %s", (text, expected) => {
    expect([debVersion(text), debVersion(expected)]).toEqual([expected, expected]);
  });
});

test("dpkg takes every name and version that we take", async () => {
  const refused: string[] = [];
  const letters = fc.stringMatching(/^[A-Za-z0-9_@,/+.~-]{2,12}$/);
  const versions = fc.oneof(letters, fc.stringMatching(/^[0-9]{1,12}:[0-9][A-Za-z0-9_@,/+.~:-]{0,6}$/));
  await fc.assert(
    fc.asyncProperty(letters, versions, async (one, other) => {
      const [name, version] = [debName(one), debVersion(other)];
      const calls = [
        ...(isDebName(name) ? [["--validate-pkgname", name]] : []),
        ...(isDebVersion(version) ? [["--validate-version", version]] : []),
      ];
      for (const call of calls) {
        const { code } = await run("dpkg", call);
        if (code !== 0) refused.push(call.join(" "));
      }
    }),
    {
      numRuns: 50,
      examples: [
        ["foo", "0+H-"],
        ["foo", "2147483648:1"],
        ["foo", "1-~"],
      ],
    },
  );
  expect(refused).toEqual([]);
});

describe("a relation", () => {
  test.each([
    ["Foo_Bar", "Depends", ["foo-bar"]],
    ["ab (< 2.0)", "Depends", ["ab (<< 2.0)"]],
    ["ab (> 1_b)", "Depends", ["ab (>> 1+b)"]],
    ["ab (= git-r0)", "Depends", ["ab (= 0+git-r0)"]],
    ["ab (= 1.2)", "Depends", ["ab (>= 1.2)", "ab (<< 1.2.0)"]],
    ["ab (= 1.2)", "Provides", ["ab (= 1.2)"]],
    ["ab (= 1.2) | C_D", "Depends", ["ab (= 1.2) | c-d"]],
    ["perl:any", "Depends", ["perl:any"]],
    ["virtual/x", "Provides", ["virtual-x"]],
    ["/bin/sh", "Depends", undefined],
  ])("%s of %s", (text, field, expected) => {
    expect(debRelations(text, field)).toEqual(expected);
  });

  test("asks for a package by the name that the package has", () => {
    const names = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_+.-]{1,12}$/);
    const versions = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_+.~]{0,12}-r[0-9]$/);
    fc.assert(
      fc.property(names, versions, (name, version) => {
        fc.pre(isDebName(debName(name)) && isDebVersion(debVersion(version)));
        expect(debRelations(`${name} (= ${version})`, "Depends")).toEqual([
          `${debName(name)} (= ${debVersion(version)})`,
        ]);
      }),
    );
  });
});

describe("the packages of a recipe", () => {
  const spec = (names: readonly string[], relations = {}) =>
    JSON.stringify({
      recipe: "Tool",
      version: "git-r0",
      architecture: "all",
      maintainer: "Nobody <nobody@localhost>",
      priority: "optional",
      packages: names.map((name) => ({ name, files: "/", summary: "x", section: "x", relations })),
    });

  test("are named as Debian does", () => {
    const { version, packages } = parseSpec(spec(["Tool_X"], { Depends: "Tool_X Other_Y lib*" }), "spec");
    expect([version, packages[0]?.name, packages[0]?.relations]).toEqual([
      "0+git-r0",
      "tool-x",
      { Depends: ["other-y"] },
    ]);
  });

  // As OE writes them.
  test.each([
    ["nothing needs itself", { Depends: "Tool tool (>= 1) Other | Tool" }, ["other | tool"]],
    ["but it may conflict with what has its name", { Conflicts: "Tool" }, ["tool"]],
    ["and provide it", { Provides: "Tool" }, ["tool"]],
    ["a pattern is left out", { Recommends: "lib* Other perl-module-*" }, ["other"]],
    ["and so is a file that is provided", { Provides: "/bin/sh Shell" }, ["shell"]],
  ])("%s", (_what, relations, expected) => {
    const [one] = parseSpec(spec(["Tool"], relations), "spec").packages;
    expect(Object.values(one!.relations)).toEqual([expected]);
  });

  test("are one where a name stands twice, and keep their order", () => {
    const { packages } = parseSpec(spec(["ab", "cd", "ab", "ef", "cd"]), "spec");
    expect(packages.map(({ name }) => name)).toEqual(["ab", "cd", "ef"]);
  });

  test.each([
    [["a_b", "a-b"], {}, /`a_b` and `a-b` of PACKAGES are both `a-b`/],
    [["tööl"], {}, /`tööl` is no Debian package name and cannot be made one/],
    [["tool"], { Depends: "/bin/sh" }, /`\/bin\/sh` cannot be said/],
  ])("%j with %j: one error", (names, relations, reason) => {
    const read = () => parseSpec(spec(names, relations), "spec");
    expect(read).toThrow(BuildError);
    expect(read).toThrow(reason);
    expect(read).toThrow("packaging/bad-spec");
  });
});
