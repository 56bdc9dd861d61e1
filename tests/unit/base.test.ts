import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import {
  batches,
  BuildError,
  byText,
  diskProblem,
  every,
  fullDisk,
  ifReachable,
  ifThere,
  ignoreSystemErrors,
  isDiskProblem,
  lockFile,
  makeFolderSync,
  openChild,
  openHasher,
  run as runStrictly,
  sameEntry,
  scratchFolder,
  temporaryBeside,
  toBoolean,
  undefinedOn,
  writeFileAtomic,
} from "@tsbake/base";
import { withOptionFiles } from "@tsbake/base/program";
import { run } from "../support/command.js";
import { root } from "../support/paths.js";
import { temporaryFolder } from "../support/temporary.js";

describe("order", () => {
  test("is by code unit, whatever the locale", () => {
    expect(["b", "A", "a", "B", "ä"].sort(byText)).toEqual(["A", "B", "a", "b", "ä"]);
  });
});

describe("hash", () => {
  test("has 128 bits and tells texts apart", async () => {
    const hasher = await openHasher();
    expect(hasher.digest("a")).toMatch(/^[0-9a-f]{32}$/);
    expect(hasher.digest("a")).not.toBe(hasher.digest("b"));
    expect(hasher.digest64("")).toBe("ef46db3751d8e999");
  });
});

describe("files", () => {
  test("leave nothing beside them", async () => {
    const folder = temporaryFolder("test");
    await writeFileAtomic(join(folder, "a/b"), "text");
    expect(await readdir(join(folder, "a"))).toEqual(["b"]);
    expect(await readFile(join(folder, "a/b"), "utf8")).toBe("text");
  });
});

describe("a scratch folder", () => {
  test("goes when its process has gone without it, and only then", async () => {
    const folder = temporaryFolder("scratch");
    const own = basename(await scratchFolder(join(folder, "first-"))).slice("first-".length);
    const [boot, namespace, pid, start] = own.split("-") as [string, string, string, string];
    const names = {
      ours: own,
      "of another container": [boot, "1", "4194304", "1", "abcdef"].join("-"),
      "of a dead process": [boot, namespace, "4194304", "1", "abcdef"].join("-"),
      "of an earlier process of our number": [boot, namespace, pid, `${Number(start) + 1}`, "abcdef"].join(
        "-",
      ),
      "of another boot": ["00000000", namespace, pid, start, "abcdef"].join("-"),
      "of somebody else": "mine",
    };
    for (const name of Object.values(names)) {
      mkdirSync(join(folder, `second-${name}`, "inside"), { recursive: true });
    }
    const made = await scratchFolder(join(folder, "second-"));
    const left = Object.entries(names).filter(([, name]) => existsSync(join(folder, `second-${name}`)));
    expect(left.map(([whose]) => whose)).toEqual(["ours", "of another container", "of somebody else"]);
    expect(statSync(made).mode & 0o777).toBe(0o700);
  });
});

describe("a temporary name beside a file", () => {
  test("goes when its process has gone without it, and is short enough whatever the name", async () => {
    const folder = temporaryFolder("temporary");
    const own = basename(temporaryBeside(join(folder, "elsewhere/x")));
    const [, boot, namespace, pid, start] = /^\.(\w+)-(\w+)-(\w+)-(\w+)\./.exec(own)!;
    const nameOf = (...owner: (string | undefined)[]) => `.${owner.join("-")}.0123456789ab.tmp`;
    const names = {
      ours: nameOf(boot, namespace, pid, start),
      "of another container": nameOf(boot, "1", "4194304", "1"),
      "of a dead process": nameOf(boot, namespace, "4194304", "1"),
      "of another boot": nameOf("00000000", namespace, pid, start),
      "of somebody else": ".mine.tmp",
    };
    for (const name of Object.values(names)) writeFileSync(join(folder, name), "");
    const longest = "x".repeat(255);
    await writeFileAtomic(join(folder, longest), "text");
    expect(await readFile(join(folder, longest), "utf8")).toBe("text");
    const left = Object.entries(names).filter(([, name]) => existsSync(join(folder, name)));
    expect(left.map(([whose]) => whose)).toEqual(["ours", "of another container", "of somebody else"]);
  });
});

describe("a folder", () => {
  test("is made with those above it, and found when it is there", () => {
    const folder = join(temporaryFolder("test"), "a/b");
    expect([makeFolderSync(folder), makeFolderSync(folder)]).toEqual([true, false]);
  });

  test("cannot be made where there are none", () => {
    expect(() => makeFolderSync("/proc/none/at/all")).toThrow(/ENOENT/);
  });
});

describe("words for yes and no", () => {
  test.each([
    ["1 y yes t true Y YES True", true],
    ["0 n no f false No FALSE", false],
    ["2 on off enabled -1 yess", undefined],
  ])("%s", (list, answer) => {
    for (const word of list.split(" ")) expect([word, toBoolean(` ${word} `)]).toEqual([word, answer]);
    expect(toBoolean("")).toBe(false);
  });
});

describe("two entries", () => {
  const MEGABYTE = 1 << 20;

  test.each<[string, (one: string, other: string) => void, boolean]>([
    ["a copy", () => {}, true],
    ["a hard link", (one, other) => (rmSync(other), linkSync(one, other)), true],
    ["another mode", (_, other) => chmodSync(other, 0o755), false],
    ["a set-id bit", (_, other) => chmodSync(other, 0o4644), false],
    ["another last byte", (_, other) => writeFileSync(other, `${"x".repeat(MEGABYTE)}z`), false],
    ["a byte less", (_, other) => writeFileSync(other, "x".repeat(MEGABYTE)), false],
    ["a folder", (_, other) => (rmSync(other), mkdirSync(other)), false],
    ["a link to it", (one, other) => (rmSync(other), symlinkSync(one, other)), false],
    ["links to one target", (one, other) => links(one, other, "x", "x"), true],
    ["links to two targets", (one, other) => links(one, other, "x", "y"), false],
  ])("%s", (_, change, isSame) => {
    const folder = temporaryFolder("test");
    const [one, other] = [join(folder, "one"), join(folder, "other")];
    writeFileSync(one, `${"x".repeat(MEGABYTE)}y`);
    chmodSync(one, 0o644);
    copyFileSync(one, other);
    change(one, other);
    expect(sameEntry(one, other)).toBe(isSame);
    expect(sameEntry(other, one)).toBe(isSame);
  });

  function links(one: string, other: string, first: string, second: string): void {
    for (const path of [one, other]) rmSync(path);
    symlinkSync(first, one);
    symlinkSync(second, other);
  }
});

describe("a disk that takes nothing more", () => {
  const folder = temporaryFolder("disk");
  const problem = (code: string, path?: string) => Object.assign(new Error(code), { code, path });
  const full =
    /^x: there is not enough space in \/.*: of the disk mounted on \/.*, \d+ [KMGT]iB of \d+ [KMGT]iB are free$/;

  test.each([
    ["ENOSPC", problem("ENOSPC"), full],
    ["what it caused", new BuildError([], { cause: problem("ENOSPC") }), full],
    [
      "EDQUOT",
      problem("EDQUOT"),
      /^x: the quota of this user is used up on the disk mounted on \/.*, where .* is$/,
    ],
    [
      "EROFS",
      problem("EROFS", join(folder, "a/b")),
      /^x: nothing can be written into .*\/a: the disk mounted on \/.* is read-only$/,
    ],
  ])("is told of %s", (_what, error, expected) => {
    const told = diskProblem(error, [folder], "x")!;
    expect(told.message).toMatch(expected);
    expect(isDiskProblem(told)).toBe(true);
  });

  test.each([
    ["another error", problem("EACCES")],
    ["the same words about something else", new Error("unshare failed: No space left on device")],
    ["a program that may not write to /usr", new Error("touch: /usr/x: Read-only file system")],
  ])("is not told of %s", (_what, error) => {
    expect(diskProblem(error, [folder])).toBeUndefined();
    expect(fullDisk(folder, [], "x", error.message)).toBeUndefined();
  });

  // /proc has 0 bytes free for ever, as an image that is mounted read-only; this user may write to neither.
  test("a program that says nothing of it failed by itself, however full the disks of others are", () => {
    expect(fullDisk(folder, ["/proc"], "x", "foo.c:12: error: expected ';'")).toBeUndefined();
    expect(fullDisk("/proc", [folder], "x", "foo.c:12: error: expected ';'")).toMatchObject({
      code: "base/disk-full",
    });
  });
});

describe("lock", () => {
  test("makes the second wait, and tells it for whom", async () => {
    const path = join(temporaryFolder("test"), "lock");
    const script = `
      const { lockFile } = await import(${JSON.stringify(join(root, "packages/base/dist/index.js"))});
      await lockFile(process.argv[1], { holder: "the first\u001b]0;x\u0007 of two" });
      console.log("has it");
      setInterval(() => {}, 1000);`;
    const first = spawn("node", ["--input-type=module", "-e", script, path]);
    await once(first.stdout, "data");
    const seen: string[] = [];
    const second = lockFile(path, {
      holder: "the second",
      onWait: (holder) => {
        seen.push(holder);
        // However it ends, what it held is free.
        first.kill("SIGKILL");
      },
    });
    await (await second).release();
    // Its words are a stranger's.
    expect(seen).toEqual(["the first of two"]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("one of this process waits, too, and in its turn", async () => {
    const path = join(temporaryFolder("test"), "lock");
    const order: number[] = [];
    await Promise.all(
      [1, 2, 3].map(async (number) => {
        await using _lock = await lockFile(path, { holder: "x" });
        order.push(number);
        await sleep(5);
        order.push(-number);
      }),
    );
    expect(order.map(Math.abs)).toEqual(
      order.filter((_one, at) => at % 2 === 0).flatMap((one) => [one, one]),
    );
  });

  test.each([
    ["by another name of its folder", 'mount --bind "$1" "$2" && cd "$2"'],
    ["from a network of its own, as a container has", 'cd "$1"'],
  ])("holds for who comes %s", async (_what, go) => {
    const folder = temporaryFolder("test");
    const other = temporaryFolder("test");
    await using _lock = await lockFile(join(folder, "lock"), { holder: "x" });
    const words = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
    const script = `${go} && flock --nonblock --conflict-exit-code 75 lock true`;
    const done = await run("unshare", [
      ...words,
      "--mount",
      "--net",
      "sh",
      "-c",
      script,
      "sh",
      folder,
      other,
    ]);
    expect([done.code, done.stderr]).toEqual([75, ""]);
  });

  test("a file that another has put in the place of a held one is what counts", async () => {
    const path = join(temporaryFolder("test"), "lock");
    const first = await lockFile(path, { holder: "x" });
    const second = lockFile(path, { holder: "y" });
    // It has opened the file and waits in the line.
    await sleep(100);
    rmSync(path);
    writeFileSync(path, "");
    const third = await lockFile(path, { holder: "z" });
    await first.release();
    let isHeld = true;
    const waiting = second.then(async (lock) => {
      expect(isHeld).toBe(false);
      await lock.release();
    });
    await sleep(50);
    isHeld = false;
    await third.release();
    await waiting;
  });

  test("a link in the place of the file is not followed", async () => {
    const folder = temporaryFolder("test");
    symlinkSync(join(folder, "victim"), join(folder, "lock"));
    await expect(lockFile(join(folder, "lock"), { holder: "x" })).rejects.toMatchObject({ code: "ELOOP" });
    expect(existsSync(join(folder, "victim"))).toBe(false);
  });
});

describe("process", () => {
  test("keeps output and exit code", async () => {
    const result = await run("sh", ["-c", "cat; echo bad >&2; exit 3"], { input: "good\n" });
    expect(result).toEqual({ code: 3, signal: null, stdout: "good\n", stderr: "bad\n" });
  });

  test("ends with its own process, whatever that has left with its output", async () => {
    const result = await run("sh", ["-c", "sleep 1000 & echo $!"]);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\n$/) as unknown as string });
    process.kill(Number(result.stdout), "SIGKILL");
  });

  const problemOf = async (started: Promise<unknown>) => {
    const error = await started.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error instanceof BuildError ? error.diagnostics[0] : error;
  };

  test("that is too long for the kernel is told with what is too long, and the limit", async () => {
    const long = "x".repeat(200 * 1024);
    expect(await problemOf(run("true", [], { env: { SHORT: "1", LONG: long } }))).toMatchObject({
      code: "base/too-long",
      message:
        "cannot start `true`: the exported variable `LONG` has 204806 bytes, and the kernel takes 131072 for one",
    });
    expect(await problemOf(run("true", ["a", long]))).toMatchObject({
      message: expect.stringMatching(/the argument `x{40}…` has 204801 bytes/),
    });
    const many = Array.from({ length: 100_000 }, (_, at) => `${"y".repeat(60)}${at}`);
    expect(await problemOf(run("true", many))).toMatchObject({
      message: expect.stringMatching(
        /arguments and exported variables have \d+ bytes together, and the kernel takes \d+;/,
      ),
    });
    expect(await problemOf(run("/no/such/program", [long.slice(0, 10)]))).toMatchObject({ code: "ENOENT" });
  });

  test.each([
    ["an exit code", "echo why >&2; exit 3", "`sh` failed with exit code 3", "it said:\nwhy"],
    ["a signal", "kill -KILL $$", "`sh` was ended by SIGKILL", "it said nothing"],
  ])("that ends with %s is an error, unless it may", async (_what, script, message, help) => {
    expect(await problemOf(runStrictly("sh", ["-c", script]))).toMatchObject({
      code: "base/command-failed",
      message,
      help,
    });
    expect(await runStrictly("sh", ["-c", "echo fine"])).toMatchObject({ stdout: "fine\n" });
  });

  test("that is stopped has ended, with all that it has started, before anybody is told", async () => {
    const folder = temporaryFolder("test");
    const stop = new AbortController();
    // The child of the child ignores the first request.
    const script = `(trap "" TERM; echo ready; sleep 2.5; echo late >"$0/late") & trap "" TERM; wait`;
    const started = runStrictly("sh", ["-c", script, folder], {
      signal: stop.signal,
      onOutput: () => stop.abort(),
    });
    await expect(started).rejects.toMatchObject({ name: "AbortError", code: "ABORT_ERR" });
    await sleep(1500);
    expect(existsSync(join(folder, "late"))).toBe(false);
    await expect(runStrictly("true", [], { signal: stop.signal })).rejects.toMatchObject({
      code: "ABORT_ERR",
    });
  });

  test("whose streams are ours is listened to from its start, and ends with its block", async () => {
    const absent = openChild("/no/such/program", [], { stdin: "pipe", stdout: "pipe" });
    absent.stdin.write("nobody reads it");
    // A turn of the event loop and more: nobody has asked yet.
    await sleep(50);
    expect(await absent.ended).toMatchObject({ code: null, failure: { code: "ENOENT" } });
    const deaf = openChild("sh", ["-c", "echo no >&2; exit 4"], { stdin: "pipe" });
    deaf.stdin.write("x".repeat(1_000_000));
    expect(await deaf.ended).toEqual({ code: 4, signal: null, said: "no" });
    let left;
    {
      await using endless = openChild("yes", [], { stdout: "pipe" });
      left = endless;
    }
    expect(await left.ended).toMatchObject({ code: null, signal: "SIGKILL" });
  });

  test("batches keep the order, and each of them can be started", async () => {
    const words = Array.from({ length: 30_000 }, (_, at) => `${"z".repeat(at % 97)}${at}`);
    const groups = batches(words, (word) => [word]);
    expect(groups.length).toBeGreaterThan(1);
    expect(groups.flat()).toEqual(words);
    for (const group of groups) expect(await run("true", group)).toMatchObject({ code: 0 });
    expect(batches([], () => [])).toEqual([]);
  });
});

describe("work that is repeated", () => {
  test("ends with what it throws, which is told once and ends nothing else", async () => {
    const told: unknown[] = [];
    let count = 0;
    const fail = (): void => {
      if (++count === 3) throw new Error("third");
    };
    const repetition = every(1, fail, { onError: (error) => told.push(error) });
    await sleep(50);
    expect([count, told]).toEqual([3, [new Error("third")]]);
    repetition.stop();
  });

  test("every few months is not all the time", async () => {
    let count = 0;
    const repetition = every(1000 * 3_000_000_000, () => count++, { onError: () => {} });
    await sleep(50);
    repetition.stop();
    expect(count).toBe(0);
  });
});

describe("an error of the system", () => {
  const failing = (code: string | undefined) =>
    Promise.reject(Object.assign(new Error(String(code)), { code }));

  const rules = [
    ["ifThere", (promise: Promise<unknown>) => ifThere(promise), ["ENOENT", "ENOTDIR"]],
    [
      "ifReachable",
      (promise: Promise<unknown>) => ifReachable(promise),
      ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "EACCES"],
    ],
    ["undefinedOn", (promise: Promise<unknown>) => undefinedOn(promise, "EXDEV"), ["EXDEV"]],
    [
      "ignoreSystemErrors",
      (promise: Promise<unknown>) => ignoreSystemErrors(promise),
      Object.keys(constants.errno),
    ],
  ] as const;

  test.each(rules)("%s hides what it names, and nothing else", async (_name, rule, hidden) => {
    const codes = Object.keys(constants.errno);
    const outcomes = await Promise.allSettled(codes.map((code) => rule(failing(code))));
    const found = codes.filter((_code, at) => outcomes[at]!.status === "fulfilled");
    expect(found.sort()).toEqual([...hidden].sort());
    await expect(rule(failing(undefined))).rejects.toThrow("undefined");
    expect(await rule(Promise.resolve(7))).toBe(7);
  });
});

describe("option files", () => {
  test("stand for their arguments; a list of any length arrives", () => {
    const list = Array.from(
      { length: 10_000 },
      (_, at) => `https://host.invalid/a/long/name-${at};x=$y'"`,
    ).join(" ");
    const text = `\n  --uri=${list}\n  --empty=\n\n  --sums=a=1\n    b=2\n--switch\n`;
    const read = (path: string) => (path === "-" ? text : "--other=1\n");
    expect(
      withOptionFiles(["fetch", "--options", "-", "--options=FILE", "--", "--options", "-"], read),
    ).toEqual([
      "fetch",
      `--uri=${list}`,
      "--empty=",
      "--sums=a=1\nb=2",
      "--switch",
      "--other=1",
      "--",
      "--options",
      "-",
    ]);
  });
});
