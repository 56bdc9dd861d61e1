/** Records of signatures on disk: found by task and hash, by recipe, and beside a given file. */
import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { diffRecordFiles, readRecordFile, SignatureRecords } from "@tsbake/engine";
import { writeRecord, type SignatureExplanation } from "@tsbake/graph";
import { run } from "../support/command.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const noZstd = await toolsProblem("zstd");

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("records");
});
afterEach(() => rmSync(folder, { recursive: true }));

const record = (unihash: string, rest: Partial<SignatureExplanation> = {}): SignatureExplanation => ({
  task: "do_x",
  basehash: unihash,
  taskhash: unihash,
  unihash,
  gendeps: { do_x: [] },
  varvals: { do_x: `${unihash}\n` },
  runtaskdeps: [],
  runtaskhashes: {},
  file_checksum_values: [],
  feed: [],
  ...rest,
});

/** Writes a record, at a given second. */
function keep(path: string, one: SignatureExplanation | string, seconds = 1): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, typeof one === "string" ? one : writeRecord(one));
  utimesSync(full, seconds, seconds);
  return full;
}

const stamped = (pn: string, hash: string, version = "1.0-r0") =>
  `stamps/amd64/${pn}/${version}.do_x.sigdata.${hash}`;
const stored = (pn: string, hash: string) =>
  `store/${hash.slice(0, 2)}/00/sstate:${pn}:amd64-linux:1.0:r0:amd64:14:${hash}_x.tar.zst.siginfo`;
const open = () => new SignatureRecords({ stamps: [join(folder, "stamps")], store: join(folder, "store") });

describe("records", () => {
  test("of equal inputs: a recipe's own first, wherever it lies", async () => {
    keep(stamped("one", "aa00"), record("aa00", { runtaskdeps: ["one:do_y"] }));
    keep(stored("two", "aa00"), record("aa00", { runtaskdeps: ["two:do_y"] }));
    const records = open();
    expect((await records.find("one:do_x", "aa00"))?.runtaskdeps).toEqual(["one:do_y"]);
    expect((await records.find("mc:m:two:do_x", "aa00"))?.runtaskdeps).toEqual(["two:do_y"]);
    expect((await records.find("three:do_x", "aa00"))?.unihash).toBe("aa00");
    expect(await records.find("one:do_y", "aa00")).toBeUndefined();
    expect(await records.find("one:do_x", "aa")).toBeUndefined();
  });

  test("of a recipe, newest first, of other versions too, from where they are wanted", async () => {
    keep(stamped("one", "aa00"), record("aa00"), 10);
    keep(stamped("one", "bb00", "0.9-r0"), record("bb00"), 30);
    keep(stamped("oneself", "cc00"), record("cc00"), 40);
    keep(stored("one", "dd00"), record("dd00"), 20);
    keep(stored("other", "ee00"), record("ee00"), 50);
    keep("stamps/amd64/one/1.0-r0.do_x.aa00", "");
    const recipe = { pn: "one", stamp: join(folder, "stamps/amd64/one/1.0-r0") };
    const hashes = async (places: ("stamps" | "store")[]) =>
      (await open().ofTask(recipe, "do_x", places)).map(({ unihash }) => unihash);
    expect(await hashes(["stamps"])).toEqual(["bb00", "aa00"]);
    expect(await hashes(["stamps", "store"])).toEqual(["bb00", "dd00", "aa00"]);
    expect(
      await new SignatureRecords({ stamps: [join(folder, "none")] }).ofTask(recipe, "do_x", ["store"]),
    ).toEqual([]);
  });

  test("that somebody prunes meanwhile are none", async () => {
    const gone = keep(stamped("one", "aa00"), record("aa00"));
    keep(stamped("one", "bb00"), record("bb00"));
    const recipe = { pn: "one", stamp: join(folder, "stamps/amd64/one/1.0-r0") };
    const records = open();
    const hashes = async () =>
      (await records.ofTask(recipe, "do_x", ["stamps"])).map(({ unihash }) => unihash).toSorted();
    expect(await hashes()).toEqual(["aa00", "bb00"]);
    rmSync(gone);
    expect(await hashes()).toEqual(["bb00"]);
    expect(await records.find("one:do_x", "aa00")).toBeUndefined();
  });

  test("that are broken are passed over for another of the same hash", async () => {
    keep(stamped("one", "aa00"), '{"task":"do_x","baseh');
    keep(stored("one", "aa00"), record("aa00"));
    keep(stored("two", "aa00"), record("aa00"));
    expect((await open().find("two:do_x", "aa00"))?.unihash).toBe("aa00");
    await expect(readRecordFile(join(folder, stamped("one", "aa00")))).rejects.toMatchObject({
      diagnostics: [{ code: "engine/no-record" }],
    });
  });

  testUnless(noZstd, "as BitBake writes them are read", async () => {
    const plain = keep(
      "plain",
      '{"basehash":"b","gendeps":{"A":{"_set_object":["B"]}},"task":"do_x","unihash":"u"}',
    );
    const path = join(folder, "1.do_x.sigdata.00");
    const { code } = await run("zstd", ["-q", plain, "-o", path]);
    expect(code).toBe(0);
    expect(await readRecordFile(path)).toMatchObject({ basehash: "b", unihash: "u", gendeps: { A: ["B"] } });
  });
});

test.each([
  ["stamps", stamped],
  ["store", stored],
])("files of a %s are compared without a project, with what lies beside them", async (_, path) => {
  for (const hash of ["aa00", "bb00"]) {
    keep(path("low", hash), record(hash, { feed: [`p ${hash} s`] }));
    keep(path("top", hash), record(hash, { varvals: { do_x: "" }, runtaskhashes: { "low:do_x": hash } }));
  }
  const diff = await diffRecordFiles(join(folder, path("top", "aa00")), join(folder, path("top", "bb00")));
  expect(diff.label).toBe("top:do_x");
  expect(diff.causes.map(({ change, tasks }) => [change.kind, tasks[0]!.path])).toEqual([
    ["variable", ["top:do_x", "low:do_x"]],
    ["package", ["top:do_x", "low:do_x"]],
  ]);
});
