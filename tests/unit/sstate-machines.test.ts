/**
 * Machines that share SSTATE_DIR: no lock reaches from one to the other, so that another one may publish the same object
 * between our look at it and our link(2). Here it does so each time, in a process whose link(2) lets it go first.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import { listStore, objectPath, verifyStore, type ArtifactSigner } from "@tsbake/sstate";
import { run } from "../support/command.js";
import { nameOf } from "../contract/store.js";
import { root } from "../support/paths.js";
import { temporaryFolder } from "../support/temporary.js";

const name = nameOf("abcd");
const object = objectPath(name);

/** What stands for gpg: the name of the object and the digest of the bytes. */
const signatureOf = (bytes: string): string => `${basename(object)} ${sha256(bytes)}`;
const signer: ArtifactSigner = {
  canSign: true,
  sign: () => Promise.resolve(),
  fault: (file, signature) =>
    Promise.resolve(
      readFileSync(signature, "utf8") === signatureOf(readFileSync(file, "utf8"))
        ? undefined
        : { kind: "wrong", why: "signed are other bytes" },
    ),
};

const SCRIPT = `
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const [, , room, folder, request] = process.argv;
const { name, object, made, others, error, signature } = JSON.parse(request);
const link = fs.promises.link;
fs.promises.link = async (from, to) => {
  if (to !== folder + "/" + object) return link(from, to);
  for (const [suffix, text] of Object.entries(others)) fs.writeFileSync(to + suffix, text);
  if (error) throw Object.assign(new Error(error), { code: error });
  return link(from, to);
};
syncBuiltinESMExports();
const { openFolderStore } = await import(room);
const warnings = [];
const { fault } = signature === undefined ? {} : await import(folder + "/../signer.mjs");
const options = { onWarning: (text) => warnings.push(text), ...(fault && { signer: { canSign: false, fault } }) };
await openFolderStore(folder, options).put(name, made, "ours", signature);
console.log(JSON.stringify(warnings));
`;

/** As `signer`, for the other process. */
const SIGNER = `
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
export async function fault(file, signature, name) {
  const digest = createHash("sha256").update(readFileSync(file)).digest("hex");
  return readFileSync(signature, "utf8") === name + " " + digest ? undefined : { kind: "wrong", why: "x" };
}
`;

interface Case {
  /** What stands there when our link(2) is made, by suffix. */
  readonly others: Readonly<Record<string, string>>;
  /** The file system's answer to link(2). */
  readonly error?: string;
  readonly isSigned?: true;
}

/** Publishes `ours`. */
async function publish({ others, error, isSigned }: Case) {
  const house = temporaryFolder("sstate-machines");
  const at = (...parts: string[]): string => join(house, ...parts);
  mkdirSync(dirname(at("store", object)), { recursive: true });
  writeFileSync(at("made"), "ours");
  writeFileSync(at("made.sig"), signatureOf("ours"));
  writeFileSync(at("put.mjs"), SCRIPT);
  writeFileSync(at("signer.mjs"), SIGNER);
  const request = {
    name,
    object,
    made: at("made"),
    others,
    error,
    ...(isSigned && { signature: at("made.sig") }),
  };
  const room = join(root, "packages/sstate/dist/index.js");
  const { stdout, stderr } = await run("node", [at("put.mjs"), room, at("store"), JSON.stringify(request)]);
  const { faults } = await verifyStore(at("store"), isSigned ? { signer } : {});
  const kinds = (await listStore(at("store"))).map(({ kind }) => kind);
  const text = kinds.includes("object") ? readFileSync(at("store", object), "utf8") : undefined;
  return { said: [stdout.trim(), stderr], faults, kinds, text };
}

const sidecar = (bytes: string): string => `${sha256(bytes)}  ${basename(object)}\n`;

describe("another machine that", () => {
  test.each<[string, Case, string | undefined]>([
    ["does nothing", { others: {} }, "ours"],
    ["is first", { others: { "": "theirs", ".sha256": sidecar("theirs") } }, "theirs"],
    ["is first, under our checksum", { others: { "": "theirs" } }, "theirs"],
    ["is first, with the same bytes", { others: { "": "ours" } }, "ours"],
    [
      "is second, and has written its checksum over ours",
      { others: { ".sha256": sidecar("theirs") } },
      "ours",
    ],
    ["has left half a checksum", { others: { ".sha256": "" } }, "ours"],
    [
      "is second, on a file system without link(2)",
      { others: { ".sha256": sidecar("theirs") }, error: "EPERM" },
      "ours",
    ],
    ["does nothing, with signatures", { others: {}, isSigned: true }, "ours"],
    [
      "is first with the same bytes, and its signature, for which ours is as good",
      { others: { "": "ours" }, isSigned: true },
      "ours",
    ],
    [
      "is second, and has written its signature over ours",
      { others: { ".sig": signatureOf("theirs") }, isSigned: true },
      "ours",
    ],
    [
      "is second, and has written its signature over ours, without link(2)",
      { others: { ".sig": signatureOf("theirs") }, isSigned: true, error: "EOPNOTSUPP" },
      "ours",
    ],
    [
      "is first, under our signature: nobody can tell whose it is",
      { others: { "": "theirs" }, isSigned: true },
      undefined,
    ],
  ])("%s leaves an object that can be verified, or none", async (_what, one, text) => {
    const left = await publish(one);
    expect(left).toEqual({
      said: ["[]", ""],
      faults: [],
      kinds: text === undefined ? ["description", "damaged"] : ["object"],
      text,
    });
  });
});
