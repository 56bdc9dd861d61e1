/** What must not be in an image: private keys, modes wider than usual, tmpfiles.d lines that say another thing. */
import { BuildError, byText } from "@tsbake/base";
import {
  FileIndex,
  holdsPrivateKey,
  narrowedModes,
  overrideRules,
  parseRules,
  parseTmpfiles,
  planExtension,
  tmpfilesLine,
  tmpfilesOf,
  type ExtensionPlan,
  type ShippedLine,
} from "@tsbake/image";
import { scriptModes } from "@tsbake/packaging";
import { describe, expect, test } from "@jest/globals";
import type { FileEntry } from "@tsbake/archive";
import fc from "fast-check";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../support/command.js";
import { temporaryFolder } from "../support/temporary.js";
import { describeUnless, notRoot } from "../support/skip.js";

function entry(path: string, more: Partial<FileEntry> = {}): FileEntry {
  return { path, kind: "file", mode: 0o644, uid: 0, gid: 0, sizeBytes: 0, package: "pkg", ...more };
}

const folder = (path: string, more: Partial<FileEntry> = {}): FileEntry =>
  entry(path, { kind: "directory", mode: 0o755, ...more });

function plan(
  layer: readonly FileEntry[],
  more: { base?: readonly FileEntry[]; tmpfiles?: readonly ShippedLine[]; name?: string } = {},
): ExtensionPlan {
  return planExtension({
    layer,
    base: new FileIndex(more.base ?? [folder("/usr"), folder("/etc")]),
    rules: parseRules("/usr/**=keep /etc/**=factory /var/**=factory"),
    mayShadow: () => false,
    name: more.name ?? "e",
    tmpfiles: more.tmpfiles ?? [],
  });
}

const linesOf = (one: ExtensionPlan, name = "e"): string[] =>
  one.entries
    .find((planned) => planned.entry.path === `/usr/lib/tmpfiles.d/${name}.conf`)
    ?.text?.trimEnd()
    .split("\n") ?? [];

describe("private keys", () => {
  test.each([
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----BEGIN EC PRIVATE KEY-----",
    "-----BEGIN ENCRYPTED PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
    "PuTTY-User-Key-File-3: ssh-ed25519",
    "SSH PRIVATE KEY FILE FORMAT 1.1",
    "Key: (private-key (rsa",
    "(11:private-key(3:rsa",
  ])("%s", (header) => {
    expect(holdsPrivateKey(`${header}\nMIIE\n`)).toBe(true);
    expect(holdsPrivateKey(`a certificate\r\n${header}\r\nMIIE\r\n`)).toBe(true);
    expect(holdsPrivateKey(`text about ${header}\n`)).toBe(false);
  });

  test.each(["-----BEGIN PUBLIC KEY-----\n", "-----BEGIN CERTIFICATE-----\n", "ssh-rsa AAAA\n", ""])(
    "not %j",
    (text) => {
      expect(holdsPrivateKey(text)).toBe(false);
    },
  );
});

describe("modes", () => {
  const rulesOf = (text: string) =>
    scriptModes([
      { package: "pkg", version: "1", script: "postinst", sha256: "", text: `#!/bin/sh\n${text}\n` },
    ]).rules;

  test("what a script takes away does not ship, what it gives is not given", () => {
    const files = [entry("/etc/sudoers"), entry("/usr/bin/tool", { mode: 0o6755 }), folder("/var/lib/x")];
    const rules = rulesOf("chmod 440 /etc/sudoers; chown root:games /usr/bin/tool; chmod 2770 /var/lib/x");
    expect(narrowedModes(files, rules)).toMatchObject([
      {
        path: "/etc/sudoers",
        from: 0o644,
        to: 0o440,
        package: "pkg",
        script: "postinst",
        text: "chmod 440 /etc/sudoers",
      },
      { path: "/usr/bin/tool", from: 0o6755, to: 0o755 },
      { path: "/var/lib/x", from: 0o755, to: 0o750 },
    ]);
  });

  test("all names of one file get the same mode, symlinks none", () => {
    const files = [
      entry("/etc/a"),
      entry("/etc/b", { hardlink: "/etc/a" }),
      entry("/etc/c", { kind: "symlink", mode: 0o777, target: "a" }),
    ];
    const found = narrowedModes(files, rulesOf("chmod 600 /etc/b /etc/c"));
    expect(found.map(({ path, to }) => [path, to])).toEqual([
      ["/etc/a", 0o600],
      ["/etc/b", 0o600],
    ]);
  });

  test("an override of the base counts, as dpkg would apply it", () => {
    const base = {
      backend: "deb" as const,
      architecture: "amd64",
      packages: [],
      diversions: [],
      alternatives: [],
      overrides: ["root staff 4710 /usr/bin/tool", "root root 0700 /var/lib/x"],
      triggers: [],
    };
    const files = [entry("/usr/bin/tool", { mode: 0o4755 }), folder("/var/lib/x"), folder("/var/lib/xx")];
    const found = narrowedModes(files, overrideRules(base));
    expect(found.map(({ path, to }) => [path, to])).toEqual([
      ["/usr/bin/tool", 0o710],
      ["/var/lib/x", 0o700],
    ]);
  });

  test("a mode never gets wider, whatever scripts say", () => {
    const command = fc.oneof(
      fc.integer({ min: 0, max: 0o7777 }).map((mode) => `chmod ${mode.toString(8)} /etc/x`),
      fc.constantFrom(
        "chmod a+rwx /etc/x",
        "chmod g=u,o-w /etc/x",
        "chmod -R ug=rwX,o= /etc",
        "chown a:b /etc/x",
      ),
    );
    fc.assert(
      fc.property(
        fc.array(command, { maxLength: 5 }),
        fc.integer({ min: 0, max: 0o7777 }),
        (commands, mode) => {
          const [found] = narrowedModes([entry("/etc/x", { mode })], rulesOf(commands.join("\n")));
          expect((found?.to ?? mode) & ~mode).toBe(0);
        },
      ),
    );
  });

  test("folders of the factory are as closed as those that they stand for", () => {
    const layer = [
      folder("/etc/closed", { mode: 0o700, uid: 5, gid: 6 }),
      entry("/etc/closed/x"),
      entry("/etc/ssl/private/y"),
      folder("/etc/rules.d"),
      entry("/etc/rules.d/z"),
    ];
    const base = [
      folder("/usr"),
      folder("/etc"),
      folder("/etc/ssl"),
      folder("/etc/ssl/private", { mode: 0o710, gid: 9 }),
    ];
    const tmpfiles = parseTmpfiles("d /etc/rules.d 0700 polkitd root -", "/usr/lib/tmpfiles.d/p.conf");
    const { entries } = plan(layer, { base, tmpfiles });
    const found = new Map(entries.map((one) => [one.entry.path, one.entry]));
    expect(found.get("/usr/share/factory/etc/closed")).toMatchObject({ mode: 0o700, uid: 5, gid: 6 });
    expect(found.get("/usr/share/factory/etc/ssl/private")).toMatchObject({ mode: 0o710, gid: 9 });
    expect(found.get("/usr/share/factory/etc/rules.d")?.mode).toBe(0o700);
    expect(found.get("/usr/share/factory/etc")?.mode).toBe(0o755);
  });
});

describe("tmpfiles.d files that packages ship", () => {
  test("their lines win: there is none of ours, whatever the extension is called", () => {
    const layer = [folder("/etc/rules.d"), entry("/etc/rules.d/z"), entry("/etc/other")];
    const tmpfiles = parseTmpfiles(
      "d /etc/rules.d/ 0700 polkitd root -\nz /etc/other 0600",
      "/usr/lib/tmpfiles.d/p.conf",
    );
    for (const name of ["a", "z"]) {
      const made = plan(layer, { tmpfiles, name });
      expect(linesOf(made, name)).toEqual([
        "C /etc/other - - - - /usr/share/factory/etc/other",
        "C /etc/rules.d/z - - - - /usr/share/factory/etc/rules.d/z",
      ]);
      expect(made.report.find(({ path }) => path === "/etc/rules.d")?.because).toContain(
        "made by /usr/lib/tmpfiles.d/p.conf",
      );
    }
  });

  test.each([
    ["d /var/x", ["/var/x"]],
    ['  D!  "/var/a b" 0755', ["/var/a b"]],
    ["C+ /etc/%%/x\\ y", ["/etc/%/x y"]],
    ["L+ %S/x - - - - /usr", ["/var/lib/x"]],
    ["f /run//x/", ["/run/x"]],
    ["# d /a\n; d /b\n\nz /c\ne /d\nr /e\nx /f\nA+ /g\nw /h", []],
    // Where there is no credential, and where the target is not there, nothing comes into being.
    ["f^ /etc/hosts - - - - network.hosts\nL? /x - - - - /usr/x", []],
    ["d", []],
  ])("%j makes %j", (text, paths) => {
    expect(parseTmpfiles(text, "f").map(({ path }) => path)).toEqual(paths);
  });

  test("of a root: the first folder for a name, the first name for a path, and a link to /dev/null switches off", async () => {
    const tree = temporaryFolder("tmpfiles-root");
    const put = (path: string, text: string): void => {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    };
    put("usr/lib/tmpfiles.d/b.conf", "d /b\nd /both 0700");
    put("usr/lib/tmpfiles.d/a.conf", "d /both 0750");
    put("usr/lib/tmpfiles.d/off.conf", "d /off");
    put("usr/lib/tmpfiles.d/changed.conf", "d /old");
    put("etc/tmpfiles.d/changed.conf", "d /new");
    put("usr/lib/tmpfiles.d/README", "d /no");
    symlinkSync("/dev/null", join(tree, "etc/tmpfiles.d/off.conf"));
    expect(await tmpfilesOf(tree)).toEqual([
      { path: "/b", file: "/usr/lib/tmpfiles.d/b.conf" },
      { path: "/both", file: "/usr/lib/tmpfiles.d/a.conf", mode: 0o750 },
      { path: "/new", file: "/etc/tmpfiles.d/changed.conf" },
    ]);
  });

  test("a name that no line can hold is refused by name", () => {
    for (const path of ["/etc/a\nb", "/etc/a\rb"]) {
      const refuse = (): ExtensionPlan => plan([entry(path)]);
      expect(refuse).toThrow(BuildError);
      expect(refuse).toThrow(/can name it/);
    }
  });
});

const judge = await run("systemd-tmpfiles", ["--version"]).then(
  ({ stdout }) => notRoot ?? (/^systemd \d/.test(stdout) ? undefined : stdout),
  () => "no systemd-tmpfiles",
);

describeUnless(judge, "the real systemd-tmpfiles", () => {
  const letters = fc.constantFrom(
    ...Array.from("ab %\\\"'$#;[]*?{}~-=:,.@!|&<>()\t\v\f\u{1}\u{1b}\u{7f}\u{85}ü\u{a0}\u{2028}é😀nx0"),
  );
  const word = fc
    .string({ unit: letters, minLength: 1, maxLength: 8 })
    .filter((text) => !/^\.\.?$/.test(text));
  const one = fc.record({
    name: word,
    kind: fc.constantFrom("file" as const, "directory" as const, "symlink" as const),
    mode: fc.constantFrom(0o644, 0o600, 0o2750, 0o1777, 0o4711, 0o000),
    uid: fc.integer({ min: 0, max: 3 }),
    gid: fc.integer({ min: 0, max: 3 }),
    target: word,
  });

  function pictureOf(path: string): unknown[] {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return ["missing"];
    const kind = found.isSymbolicLink() ? "symlink" : found.isDirectory() ? "directory" : "file";
    const content =
      kind === "symlink" ? readlinkSync(path) : kind === "file" ? readFileSync(path, "utf8") : "";
    return [kind, kind === "symlink" ? 0 : found.mode & 0o7777, found.uid, found.gid, content];
  }

  test("makes each path as it was packed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(one, { selector: ({ name }) => name, minLength: 20, maxLength: 40 }),
        async (all) => {
          const tree = temporaryFolder("tmpfiles");
          const factory = join(tree, "usr/share/factory");
          for (const made of ["usr/share/factory/etc", "usr/lib/tmpfiles.d", "etc"])
            mkdirSync(join(tree, made), { recursive: true });
          const entries = all.map(({ name, target, kind, ...rest }): FileEntry => ({
            ...rest,
            kind,
            path: `/etc/${name}`,
            sizeBytes: 0,
            ...(kind === "symlink" ? { target } : {}),
          }));
          for (const { path, kind, mode, uid, gid } of entries) {
            if (kind !== "file") continue;
            writeFileSync(join(factory, path), path);
            await run("chown", ["--", `${uid}:${gid}`, join(factory, path)]);
            chmodSync(join(factory, path), mode);
          }
          const lines = entries.map((made) => tmpfilesLine(made, `/usr/share/factory${made.path}`));
          writeFileSync(
            join(tree, "usr/lib/tmpfiles.d/e.conf"),
            `${lines.sort((a = "", b = "") => byText(a, b)).join("\n")}\n`,
          );
          await run("systemd-tmpfiles", [`--root=${tree}`, "--create", "e.conf"]);
          for (const { path, kind, mode, uid, gid, target } of entries) {
            const content = kind === "symlink" ? (target ?? "") : kind === "file" ? path : "";
            expect([path, ...pictureOf(join(tree, path))]).toEqual([
              path,
              kind,
              kind === "symlink" ? 0 : mode,
              uid,
              gid,
              content,
            ]);
          }
        },
      ),
      { numRuns: 15 },
    );
  }, 120_000);

  test.each(["a", "z"])(
    "has one mode for a path that a package's file makes, with the extension %s",
    async (name) => {
      const tree = temporaryFolder("tmpfiles-clash");
      const shipped = "d /etc/rules.d 0700 1 1 -\n";
      const made = plan([folder("/etc/rules.d")], { name, tmpfiles: parseTmpfiles(shipped, "p.conf") });
      mkdirSync(join(tree, "usr/lib/tmpfiles.d"), { recursive: true });
      mkdirSync(join(tree, "etc"));
      writeFileSync(join(tree, "usr/lib/tmpfiles.d/p.conf"), shipped);
      writeFileSync(join(tree, `usr/lib/tmpfiles.d/${name}.conf`), `${linesOf(made, name).join("\n")}\n`);
      await run("systemd-tmpfiles", [`--root=${tree}`, "--create"]);
      expect(lstatSync(join(tree, "etc/rules.d")).mode & 0o7777).toBe(0o700);
    },
  );
});
