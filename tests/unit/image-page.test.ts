/** The page of an image: what it says, that nothing in it is taken for markup, and what a real browser makes of it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "@jest/globals";
import type { FileEntry } from "@tsbake/archive";
import { formatPage, type PackageFact, type PageRequest, type PathDecision } from "@tsbake/image";
import { Browser, browserMissing } from "../support/browser.js";
import { expectReadable } from "../support/page-checks.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const DIGEST = "a".repeat(64);
const MIB = 2 ** 20;
const HOSTILE = `evil<script>alert(1)</script>"'\u202E<!--`;

const file = (path: string, sizeBytes: number, owner?: string): FileEntry => ({
  path,
  kind: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes,
  sha256: DIGEST,
  ...(owner !== undefined && { package: owner }),
});
const packed = (name: string, ...depends: string[]): PackageFact => ({
  name,
  version: "1.0",
  architecture: "amd64",
  origin: "archive",
  installedSizeBytes: 0,
  depends,
});
const decided = (decision: PathDecision, path: string, owner: string) => ({
  path,
  decision,
  because: "rule /etc/**=factory",
  package: owner,
});

const extension: PageRequest = {
  image: "tools",
  version: "1.0",
  machine: "generic",
  facts: {
    format: 2,
    backend: "deb",
    architecture: "amd64",
    requested: ["gdb", "bash"],
    packages: [
      packed("gdb", "libdw1", "libc6"),
      packed("libdw1", "libc6"),
      { ...packed(HOSTILE), licence: HOSTILE },
    ],
    inBase: [
      { name: "libc6", version: "2.36", architecture: "amd64" },
      { name: "systemd", version: "252.39", architecture: "amd64" },
    ],
    distribution: { id: "debian", version: "12" },
    closure: { count: 61, installedSizeBytes: 141 * MIB },
    skippedScripts: [
      { package: HOSTILE, version: "1", script: "postinst", sha256: DIGEST, makes: ["user evil"] },
    ],
    narrowedModes: [],
    changedInBase: [],
    warnings: [HOSTILE],
  },
  files: [
    file("/usr/bin/gdb", 9 * MIB, "gdb"),
    file("/usr/lib/libdw.so", 2 * MIB, "libdw1"),
    file(`/usr/share/${HOSTILE}`, 300, HOSTILE),
    file("/usr/lib/made", 200),
  ],
  extension: {
    name: "tools",
    base: "base-image",
    baseDigest: DIGEST,
    policy: "version",
    release: { ID: "debian", VERSION_ID: "12", SYSEXT_ID: HOSTILE },
    report: [
      decided("factory", "/etc/gdb", "gdb"),
      ...Array.from({ length: 20 }, (_one, at) => decided("dropped", `/var/lib/ucf/${at}`, HOSTILE)),
    ],
  },
  check: {
    format: 1,
    extension: "tools",
    base: "base-image",
    findings: [
      {
        code: "missing-library",
        severity: "error",
        path: `/usr/bin/${HOSTILE}`,
        package: HOSTILE,
        message: `needs ${HOSTILE}`,
        help: "add it",
      },
    ],
    allowed: [],
  },
  outputs: [{ type: "squashfs", sizeBytes: 4 * MIB, sha256: DIGEST }],
};
const { extension: _extension, check: _check, ...plain } = extension;
const base: PageRequest = {
  ...plain,
  image: "base-image",
  facts: { ...plain.facts, inBase: [], skippedScripts: [] },
};

const textOf = (page: string): string =>
  page
    .replace(/<script[^]*/, "")
    .replaceAll(/<style[^]*?<\/style>|<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ");

describe("the page of an image", () => {
  test("has packages by size and why they are there, what the base has, decisions, scripts, findings and facts", () => {
    const text = textOf(formatPage(extension));
    expect(text).toMatch(
      /11\.0 MiB content 3 packages 4\.0 MiB squashfs 141 MiB saved against .* 61 packages 1 that will not work/,
    );
    expect(text).toMatch(
      /gdb 9\.0 MiB 1\.0 asked for .*libdw1 2\.0 MiB 1\.0 needed by gdb .*no package 1 KiB/,
    );
    expect(text).toContain("In the base: 2 packages, of which this extension needs 1 itself");
    expect(text).toMatch(/error: missing-library .* add it/);
    expect(text).toContain("dropped 20 paths: does not ship");
    expect(text).toMatch(/factory 1 path: .* \/etc\/gdb rule \/etc\/\*\*=factory gdb/);
    expect(text).toContain("1 script did not run");
    expect(text).toContain("postinst user evil");
    expect(text).toMatch(/1 path that no package has: .* \/usr\/lib\/made file/);
    expect(text).toMatch(/systemd 252\.39 .*Base base-image .*ID=debian VERSION_ID=12 .*a{64}/);
  });

  test("of a base has neither findings nor decisions", () => {
    const text = textOf(formatPage(base));
    expect(text).toContain("Image for generic");
    expect(text).toContain("All ran when the packages were installed.");
    for (const word of ["Findings", "Decided path by path", "In the base"]) expect(text).not.toContain(word);
  });

  test("says what became of scripts, and that nobody looked", () => {
    const { check: _none, ...unchecked } = extension;
    const facts = { ...extension.facts, skippedScripts: [] };
    const accounts = { users: [], groups: [{ name: "tcpdump", gid: 100 }], memberships: [] };
    expect(textOf(formatPage({ ...unchecked, facts }))).toContain("None had anything to do");
    const ran = textOf(formatPage({ ...unchecked, facts: { ...facts, accounts } }));
    expect(ran).toContain("All ran, with all triggers, on the tree of base-image.");
    expect(ran).toContain("group tcpdump");
    expect(ran).toContain("SYSEXT_CHECK is off");
  });

  test("takes no name for markup, asks nobody for anything, and is the same each time", () => {
    const page = formatPage(extension);
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page).not.toMatch(/\u202E|https?:\/\/|<!--/);
    expect(page).toContain("evil&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;U+202E&#60;!--");
    expect(page).toMatch(/default-src 'none'; .*; script-src 'sha256-[A-Za-z0-9+/]{43}='"/);
    expect(formatPage(structuredClone(extension))).toBe(page);
  });

  testUnless(
    browserMissing,
    "in a browser: keys reach everything, tables are sorted and narrowed, another build is compared",
    async () => {
      const folder = temporaryFolder("image-page");
      const write = (name: string, page: string): string => {
        writeFileSync(join(folder, name), page);
        return join(folder, name);
      };
      const before = write(
        "before.html",
        formatPage({
          ...extension,
          files: [file("/usr/bin/gdb", 8 * MIB, "gdb"), file("/usr/bin/old", MIB, "constructor")],
          facts: { ...extension.facts, packages: [packed("gdb"), packed("constructor")] },
        }),
      );
      const other = write("other.html", formatPage(base));
      const none = write("none.html", "<p>no page of ours</p>");
      const url = pathToFileURL(write("image.html", formatPage(extension))).href;
      await using browser = await Browser.start();
      await expectReadable(browser, url);
      const ask = (expression: string): Promise<unknown> => browser.evaluate(expression);
      const names = `[...document.querySelectorAll("#packages > table tbody tr:not([hidden])")].map((row) => row.cells[0].innerText.slice(0, 6))`;
      expect(await ask(names)).toEqual(["gdb", "libdw1", "evil<s", "no pac"]);
      await ask(`document.querySelector("#packages button.sort").focus()`);
      await browser.press("Enter", "\r");
      expect(await ask(names)).toEqual(["evil<s", "gdb", "libdw1", "no pac"]);
      const type = (part: string, word: string) =>
        ask(`((one) => { one.value = ${JSON.stringify(word)}; one.dispatchEvent(new Event("input")); })(
          document.querySelector("input[data-filters=${part}]"))`);
      await type("packages", "LIBDW");
      expect(await ask(names)).toEqual(["gdb", "libdw1"].slice(1));
      await type("decisions", "ucf/7");
      expect(
        await ask(
          `[...document.querySelectorAll("#decisions tbody tr")].filter((row) => row.checkVisibility()).map((row) => row.cells[0].innerText)`,
        ),
      ).toEqual(["/var/lib/ucf/7"]);

      const difference = async (): Promise<string> =>
        String(await ask(`document.getElementById("difference").innerText.replaceAll(/\\s+/g, " ")`));
      const choose = async (path: string, isDone: RegExp): Promise<string> => {
        await browser.choose("#other", path);
        for (;;) {
          const said = await difference();
          if (isDone.test(said)) return said;
        }
      };
      expect(await difference()).toContain("No other build");
      expect(await choose(before, /before\.html/)).toBe(
        "Against before.html. content: +2.0 MiB (9.0 MiB → 11.0 MiB) squashfs: the same (4.0 MiB → 4.0 MiB) " +
          `Package Size Before Now libdw1 +2.0 MiB not there 1.0 constructor −1.0 MiB 1.0 gone gdb +1.0 MiB 1.0 1.0 ${HOSTILE.replace("\u202E", "\uFFFD")} +1 KiB not there 1.0`,
      );
      expect(await choose(other, /base-image/)).toBe("other.html is the page of base-image for generic.");
      expect(await choose(none, /none\.html/)).toBe("none.html is no page of an image.");
      // The next build, in the same browser.
      await browser.open(pathToFileURL(before).href, 1920);
      expect(await difference()).toMatch(
        /^Against the build of it that this browser showed before\. content: −2\.0 MiB/,
      );
      expect(browser.complaints).toEqual([]);
    },
    60_000,
  );
});
