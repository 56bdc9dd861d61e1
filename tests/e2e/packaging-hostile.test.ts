/**
 * Packages that try to read or write what lies beside the root that they are installed into: through links that one of
 * them brings and another one uses, through the package database, and with maintainer scripts that know how to leave a
 * chroot. As root and as an ordinary user; nothing outside may change, and nothing of it may get into the image.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { tarOf, writeAr, type NewTarEntry } from "@tsbake/archive";
import { type RunResult } from "@tsbake/base";
import { formatFileManifest, writeSnapshot } from "@tsbake/image";
import { hostArchitecture, openDebBackend } from "@tsbake/packaging";
import { run } from "../support/command.js";
import { programOf } from "../support/paths.js";
import { describeUnless, notLong, notRoot } from "../support/skip.js";
import { toolsProblem } from "../support/tools.js";
import { userProblem } from "../support/user.js";

const MINUTE = 60_000;
const PROGRAM = programOf("image");
const work = mkdtempSync(join(tmpdir(), "packaging-hostile-"));
/** What packages try to reach: it belongs to whoever builds. */
const outside = join(work, "outside");
const base = join(work, "base");
const SECRET = "ID=secret-of-the-host\n";
const architecture = await hostArchitecture();
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Hostile {
  readonly name: string;
  readonly fields?: string;
  readonly files: readonly NewTarEntry[];
  /** Members of the control archive beside `control` and `md5sums`. */
  readonly control?: readonly NewTarEntry[];
  /** Names no folders in its archive. */
  readonly bare?: boolean;
}

const link = (path: string, target: string): NewTarEntry => ({ path: `.${path}`, type: "symlink", target });
const file = (path: string, data = "evil", mode = 0o644): NewTarEntry => ({
  path: `.${path}`,
  type: "file",
  data,
  mode,
});
const script = (name: string, text: string): NewTarEntry => file(`/${name}`, `#!/bin/sh\n${text}\n`, 0o755);
/** Short enough for a plain tar header. */
const UP = "../".repeat(12);

async function makeDeb(
  folder: string,
  { name, fields = "", files, control = [], bare }: Hostile,
): Promise<void> {
  const stanza =
    `Package: ${name}\nVersion: 1\nArchitecture: ${architecture}\nMaintainer: n <n@localhost>\n` +
    `Installed-Size: 1\n${fields}Description: made for a test\n`;
  const members = [{ path: "./control", type: "file", data: stanza } as const, file("/md5sums", "\n")];
  mkdirSync(folder, { recursive: true });
  await writeAr(join(folder, `${name}_1_${architecture}.deb`), [
    { name: "debian-binary", data: Buffer.from("2.0\n") },
    { name: "control.tar", data: await tarOf([...members, ...control]) },
    { name: "data.tar", data: await tarOf(bare ? files : withFolders(files)) },
  ]);
}

/** A package names every folder that it has something in. */
function withFolders(files: readonly NewTarEntry[]): NewTarEntry[] {
  const named = new Set(files.map(({ path }) => path));
  const folders = new Set<string>();
  for (const { path } of files)
    for (let at = dirname(path); at !== "." && !named.has(at); at = dirname(at)) folders.add(at);
  return [...[...folders].sort().map((path) => ({ path, type: "directory" as const })), ...files];
}

/** Essential, so that it comes first and scripts have a shell: the host's own programs with their libraries. */
async function shell(): Promise<Hostile> {
  const programs = ["sh", "perl", "cat", "mkdir", "mknod", "mount", "sleep"].map(
    (name) => `/usr/bin/${name}`,
  );
  const found = await run(
    "ldd",
    programs.map((path) => realpathSync(path)),
  );
  const libraries = new Set(found.stdout.match(/\/\S+(?= \(0x)/g) ?? []);
  const merged = (path: string): string => (path.startsWith("/usr/") ? path : `/usr${path}`);
  return {
    name: "shell",
    fields: "Essential: yes\n",
    files: [...programs, ...libraries].map((path) => ({
      ...file(merged(path), undefined, 0o755),
      data: readFileSync(path),
    })),
  };
}

/** Everything outside: name, kind, content. */
function picture(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const facts = lstatSync(path);
      if (facts.isSymbolicLink()) return `${name} -> ${readlinkSync(path)}`;
      const content = facts.isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "";
      return `${name} ${facts.mode.toString(8)} ${facts.nlink} ${content}`;
    });
}

function resetOutside(): void {
  rmSync(outside, { recursive: true, force: true });
  mkdirSync(join(outside, "folder"), { recursive: true });
  writeFileSync(join(outside, "secret"), SECRET);
  writeFileSync(join(outside, "victim"), "precious\n");
  writeFileSync(join(outside, "folder/format"), "precious\n");
}

async function makeBase(): Promise<void> {
  const tree = join(work, "base-root");
  mkdirSync(join(tree, "var/lib/dpkg/info"), { recursive: true });
  const stanza =
    `Package: libbase\nStatus: install ok installed\nMaintainer: n <n@localhost>\nArchitecture: ${architecture}\n` +
    "Version: 1\nInstalled-Size: 1\nDescription: base\n";
  writeFileSync(join(tree, "var/lib/dpkg/status"), stanza);
  writeFileSync(join(tree, "var/lib/dpkg/info/libbase.list"), "/.\n/usr\n/usr/lib\n/usr/lib/libbase.so\n");
  writeFileSync(join(tree, "var/lib/dpkg/info/format"), "1\n");
  writeFileSync(join(tree, "var/lib/dpkg/arch"), `${architecture}\n`);
  const identity = await openDebBackend().snapshot(tree, join(base, "database"));
  await writeSnapshot(base, identity, {
    distro: "debian",
    files: formatFileManifest([]),
    tmpfiles: [],
    osRelease: "ID=debian\n",
  });
}

let count = 0;

/** Installs all of `packages` as `user`. @returns what the program said, and where its results are */
async function install(
  mode: "rootfs" | "layer" | "merged",
  packages: readonly Hostile[],
  user?: string,
): Promise<{ result: RunResult; output: string }> {
  const on = mode === "merged" ? await wholeBase() : undefined;
  count += 1;
  const at = join(work, `case-${count}`);
  const [debs, output] = [join(at, "debs"), join(at, "output")];
  mkdirSync(join(at, "pool"), { recursive: true });
  for (const one of packages) await makeDeb(debs, one);
  resetOutside();
  if (user !== undefined) for (const path of [at, outside]) await run("chown", ["-R", user, path]);
  const names = packages.map(({ name }) => name).join(" ");
  const options = {
    ...(mode === "layer" && { base, scripts: "skip" }),
    ...(on && { base: join(on, "pkgdb"), "base-tree": join(on, "rootfs.tar"), scripts: "merged" }),
    backend: "deb",
    install: names,
    pool: join(at, "pool"),
    packages: debs,
    architecture,
    distro: "debian",
    epoch: "1735689600",
    work: join(at, "work"),
    output,
  };
  const words = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const command = [process.execPath, PROGRAM, mode === "rootfs" ? mode : "layer", ...words];
  const [program = "", ...args] = user === undefined ? command : ["runuser", "-u", user, "--", ...command];
  const result = await run(program, args, { cwd: "/" });
  return { result, output };
}

let wholeBaseIn: string | undefined;

/** A base whose tree is there, with a shell for scripts. @returns what its do_rootfs leaves */
async function wholeBase(): Promise<string> {
  if (wholeBaseIn === undefined) {
    const { result, output } = await install("rootfs", [helper]);
    expect([result.code, result.stderr]).toEqual([0, ""]);
    wholeBaseIn = output;
  }
  return wholeBaseIn;
}

/** Bytes of the secret in anything that was made. */
function leaks(output: string): string[] {
  const names = readdirSync(output, { recursive: true, encoding: "utf8" });
  return names.filter((name) => {
    const path = join(output, name);
    return lstatSync(path).isFile() && readFileSync(path).includes("secret-of-the-host");
  });
}

const attacker = (name: string, target: string, more: Partial<Hostile> = {}): Hostile => ({
  name,
  files: [link("/opt/x", target)],
  ...more,
});
/** A preinst leaves a package to dpkg; in a layer it is left out. */
const preinst = [script("preinst", "exit 0")];
const same = { files: [link("/opt/x", outside)], control: preinst };

/** What, and the packages. */
const CASES: readonly (readonly [string, readonly Hostile[]])[] = [
  ["an absolute link", [attacker("a", outside), { name: "b", files: [file("/opt/x/evil")] }]],
  [
    "an absolute link, of a package that names no folders",
    [attacker("a", outside), { name: "b", files: [file("/opt/x/evil")], bare: true }],
  ],
  ["a climbing link", [attacker("a", `${UP}${outside}`), { name: "b", files: [file("/opt/x/evil")] }]],
  ["over a file", [attacker("a", outside), { name: "b", files: [file("/opt/x/victim")] }]],
  [
    "a folder with another mode",
    [
      attacker("a", outside),
      { name: "b", files: [{ path: "./opt/x/folder", type: "directory", mode: 0o777 }] },
    ],
  ],
  [
    "a hard link to a file behind a link",
    [
      attacker("a", outside),
      { name: "b", files: [{ path: "./usr/stolen", type: "link", target: "./opt/x/secret" }] },
    ],
  ],
  [
    "a hard link to a path that climbs",
    [{ name: "b", files: [{ path: "./usr/stolen", type: "link", target: `${UP}${outside}/secret` }] }],
  ],
  [
    "a path that climbs",
    [{ name: "b", files: [{ path: `./usr/${UP}${outside}/evil`, type: "file", data: "evil" }] }],
  ],
  [
    "a link that another package replaces",
    [
      { name: "a", files: [link("/opt/x", "y"), file("/opt/a")] },
      { name: "b", fields: "Depends: a\nReplaces: a\n", files: [link("/opt/x", outside)] },
      { name: "c", fields: "Depends: b\n", files: [file("/opt/x/evil"), file("/opt/x/victim")] },
    ],
  ],
  [
    "dpkg itself, through a link",
    [
      { name: "a", ...same },
      { name: "b", fields: "Pre-Depends: a\n", files: [file("/opt/x/evil")], control: preinst },
      { name: "c", fields: "Pre-Depends: a\n", files: [file("/opt/x/victim")], control: preinst },
    ],
  ],
  [
    "a file of two packages behind a link",
    [
      attacker("a", outside),
      { name: "b", files: [file("/opt/x/victim")] },
      { name: "c", fields: "Replaces: b\n", files: [file("/opt/x/victim")] },
    ],
  ],
  [
    "a configuration file behind a link",
    [
      attacker("a", outside),
      { name: "b", files: [file("/opt/x/victim")], control: [file("/conffiles", "/opt/x/victim\n")] },
    ],
  ],
  [
    "a configuration file that is not in its archive",
    [attacker("a", outside), { name: "b", files: [], control: [file("/conffiles", "/opt/x/victim\n")] }],
  ],
  [
    "a list of the database that is a link",
    [
      { name: "a", files: [link("/var/lib/dpkg/info/b.list", join(outside, "victim"))] },
      { name: "b", files: [] },
    ],
  ],
  [
    "the database's format that is a link",
    [{ name: "a", files: [link("/var/lib/dpkg/info/format", join(outside, "victim"))] }],
  ],
  [
    "the database's folder that is a link",
    [{ name: "a", files: [link("/var/lib/dpkg/info", join(outside, "folder"))] }],
  ],
  [
    "the folder for triggers that is a link",
    [{ name: "a", files: [link("/var/lib/dpkg/triggers", join(outside, "folder"))] }],
  ],
  [
    "a control archive with a link",
    [
      { name: "a", files: [], control: [link("/list", join(outside, "victim"))] },
      { name: "b", files: [], control: [link("/conffiles", join(outside, "secret"))] },
    ],
  ],
  [
    "os-release that is a link",
    [{ name: "a", files: [link("/usr/lib/os-release", join(outside, "secret"))] }],
  ],
  [
    "alternatives behind a link",
    [{ name: "a", files: [link("/etc/alternatives", join(outside, "folder"))] }],
  ],
];

/** That the tests lie on. @see makedev(3) */
const { dev } = statSync(work);
const disk = { major: (dev >> 8) & 0xfff, minor: (dev & 0xff) | ((dev >> 12) & 0xfff00) };
/** Leaves dpkg's chroot, as root of any kind can. */
const BREAK_OUT = `mkdir "/break"; chroot "/break"; chdir ".." for 1..64; chroot ".";`;
const OVERWRITE = `for (map { ("$_/victim", "$_/evil") } "${outside}") { open(F, ">", $_) and print F "evil" }`;
/** The perl of the root has no glob. */
const LIST = `sub list { opendir(my $d, $_[0]) or return; map { "$_[0]/$_" } grep { !/^[.]/ } readdir($d) }`;
const perl = (text: string): string => `perl -e '${text}' || :`;

/** What it does may also be found and end the build. */
const MAY_STOP = true as const;
const SCRIPTS: readonly (readonly [what: string, text: string, mayStop?: true])[] = [
  ["a path of the host", `mkdir -p ${outside} || :; echo evil >${outside}/victim || :`],
  ["out of the chroot", perl(BREAK_OUT + OVERWRITE)],
  [
    "the secret, out of the chroot",
    perl(
      `open(O, ">", "/stolen"); ${BREAK_OUT} open(I, "<", "${outside}/secret") and print O <I>; ` +
        `opendir(D, "/home") and /^[.]/ or print O "secret-of", "-the-host: $_" for readdir(D);`,
    ),
  ],
  [
    "another process's root",
    perl(
      `${LIST} for my $p (list("/proc")) { for my $f ("evil", "victim") { open(F, ">", "$p/root${outside}/$f") and print F "evil" } }`,
    ),
  ],
  [
    "a remount of what is read-only",
    `perl -e '${LIST} ${BREAK_OUT} for my $d (map { "$_/debs" } list("${work}")) { system("/usr/bin/mount", "-o", "remount,bind,rw", $d); open(F, ">", "$d/evil") and exit 7; }'`,
  ],
  [
    "the kernel's settings",
    `[ ! -e /proc/sysrq-trigger ] || ! : 2>/dev/null >>/proc/sysrq-trigger || exit 7; ! cat /proc/sys/kernel/core_pattern >/proc/sys/kernel/core_pattern || exit 8`,
  ],
  [
    "a disk of the host",
    `mknod /disk b ${disk.major} ${disk.minor} || :; perl -e 'for ("/disk", "/proc/kcore") { open(F, "<", $_) and sysread(F, my $x, 1) and exit 9 }'`,
  ],
  ["a process that stays", `(sleep 2; ${perl(BREAK_OUT + OVERWRITE)}) >/dev/null 2>&1 & exit 0`],
  [
    "a process that puts links into the database again and again",
    `perl -e 'fork and exit; close STDOUT; close STDERR; my $d = "/var/lib/dpkg/info"; while (1) { for (["secret", "b.conffiles"], ["victim", "libbase.list"]) { symlink("${outside}/$_->[0]", "/s"); rename("/s", "$d/$_->[1]") } }'`,
    MAY_STOP,
  ],
];

const noUser = await userProblem();
const cannotInstall = notRoot === undefined ? undefined : await toolsProblem("fakeroot");

/** One error with a code, and in its first line the package or the path. */
const STOPPED =
  /^error\[(?:sandbox\/leaves-root|packaging\/(?:bad-deb|install-failed))\]: .*(`[abc]`|[abc]_1_|\/var\/lib\/dpkg\/)/;

/** Anything else is what was said. */
function verdict({ code, stderr }: RunResult): string {
  if (code === 0) return stderr === "" ? "fine" : stderr;
  return STOPPED.test(stderr) ? "stopped" : stderr;
}

let helper: Hostile;
let untouched: string[];
beforeAll(async () => {
  resetOutside();
  untouched = picture(outside);
  helper = await shell();
  await makeBase();
  chmodSync(work, 0o755);
});

const users: readonly (readonly [who: string, user: string | undefined, problem: string | undefined])[] = [
  ["whoever runs this", undefined, cannotInstall],
  ...(notRoot === undefined ? [["an ordinary user", "nobody", noUser] as const] : []),
];

for (const [who, user, problem] of users)
  describeUnless(problem, who, () => {
    const installed = (mode: "rootfs" | "layer", cases: typeof CASES): void =>
      test.each(cases)(
        `${mode}: %s`,
        async (_what, packages) => {
          const all = mode === "rootfs" ? [helper, ...packages] : packages;
          const { result, output } = await install(mode, all, user);
          expect(picture(outside)).toEqual(untouched);
          expect(leaks(output)).toEqual([]);
          // Either it was held back in the root, or it stopped with one error.
          expect(["fine", "stopped"]).toContain(verdict(result));
        },
        MINUTE,
      );
    // Each once by default, for the first who can; an ordinary user beside root has the same code before a weaker wall.
    const isFirst = user === undefined;
    const [inRoot, inLayer] = [
      CASES.filter((_, index) => index % 2 === 0),
      CASES.filter((_, index) => index % 2 === 1),
    ];
    installed("rootfs", isFirst ? inRoot : inRoot.slice(0, 2));
    installed("layer", isFirst ? inLayer : inLayer.slice(0, 2));
    describeUnless(notLong, "of the others", () => {
      installed("rootfs", isFirst ? inLayer : [...inRoot.slice(2), ...inLayer]);
      installed("layer", isFirst ? inRoot : [...inLayer.slice(2), ...inRoot]);
    });

    const scripted = (mode: "rootfs" | "merged"): void =>
      // A row that is too short would get jest's own callback.
      test.each(SCRIPTS.map(([what, text, mayStop = false]) => [what, text, mayStop] as const))(
        `${mode}, a script: %s`,
        async (_what, text, mayStop) => {
          const hostile = { name: "a", files: [], control: [script("postinst", text)] };
          const packages = mode === "rootfs" ? [helper, hostile] : [hostile];
          const { result, output } = await install(mode, packages, user);
          expect(mayStop ? ["fine", "stopped"] : ["fine"]).toContain(verdict(result));
          await new Promise((resolve) => setTimeout(resolve, text.includes("sleep 2") ? 3000 : 0));
          expect(picture(outside)).toEqual(untouched);
          expect(leaks(output)).toEqual([]);
        },
        MINUTE,
      );
    // On the tree of a base nothing of the cage is another one.
    if (isFirst) scripted("merged");
    if (!isFirst || notRoot !== undefined) scripted("rootfs");
    else describeUnless(notLong, "of the others", () => scripted("rootfs"));
  });

test.each(["rootfs", "layer"] as const)(
  "%s: the package, the path and the link are named",
  async (mode) => {
    const packages = [attacker("a", outside), { name: "b", files: [file("/opt/x/evil")], bare: true }];
    const { result } = await install(mode, mode === "rootfs" ? [helper, ...packages] : packages);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      `error[sandbox/leaves-root]: \`/opt/x/evil\` of \`b\` lies behind \`/opt/x\`, a link to \`${outside}\``,
    );
  },
  MINUTE,
);

describeUnless(cannotInstall, "a script on the base's tree", () => {
  test.each([
    [
      "takes a file of the base away",
      "/usr/bin/perl -e 'unlink \"/usr/bin/mkdir\"'",
      "image/base-file-removed",
      "/usr/bin/mkdir",
    ],
    [
      "puts a FIFO where accounts are",
      '/usr/bin/perl -e \'mkdir "/etc"; unlink "/etc/passwd"; system "/usr/bin/mknod", "/etc/passwd", "p"\'',
      "image/base-file-removed",
      "/etc/passwd",
    ],
    ["fails", "echo no luck today >&2; exit 3", "packaging/install-failed", "no luck today"],
  ])("%s: one error, with its name", async (_what, text, code, says) => {
    const { result } = await install("merged", [
      { name: "a", files: [], control: [script("postinst", text)] },
    ]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(new RegExp(`^error\\[${code}\\]: `));
    expect(result.stderr).toContain(says);
  });
});

test("the stamp of a base goes into its own os-release", async () => {
  resetOutside();
  const tree = join(work, "stamped");
  const inTree = join(tree, outside, "os-release");
  for (const path of [join(outside, "os-release"), inTree]) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "ID=debian\n");
  }
  mkdirSync(join(tree, "usr/lib"), { recursive: true });
  symlinkSync(join(outside, "os-release"), join(tree, "usr/lib/os-release"));
  const stamp = await run(process.execPath, [PROGRAM, "stamp", `--snapshot=${base}`, `--root=${tree}`]);
  expect(stamp).toMatchObject({ code: 0, stderr: "" });
  expect(readFileSync(inTree, "utf8")).toContain("SYSEXT_LEVEL=");
  expect(readFileSync(join(outside, "os-release"), "utf8")).toBe("ID=debian\n");
});

describeUnless(notRoot, "where there can be no cage", () => {
  test("nothing is installed", async () => {
    const chroot = join(work, "chroot");
    // The host in a folder that is no mount point.
    const script = `
    set -eu
    for path in /*; do
      if [ -L "$path" ]; then cp -P "$path" "$1$path"
      elif [ -d "$path" ]; then mkdir -p "$1$path"; mount --rbind "$path" "$1$path"; fi
    done
    root=$1
    shift
    exec chroot "$root" "$@"`;
    mkdirSync(chroot);
    const packages = join(work, "no-packages");
    await makeDeb(packages, { name: "plain", files: [file("/usr/share/plain")] });
    const options = {
      backend: "deb",
      install: "plain",
      packages,
      pool: join(work, "no-pool"),
      architecture,
      distro: "debian",
      epoch: "1735689600",
      work: join(work, "no-work"),
      output: join(work, "no-output"),
    };
    const words = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const command = [process.execPath, PROGRAM, "rootfs", ...words];
    const args = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", chroot, ...command];
    const result = await run("unshare", args, { cwd: "/" });
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining("error[sandbox/no-cage]: ") });
    expect(result.stderr).toContain("pivot_root");
  });
});
