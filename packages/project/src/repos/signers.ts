/** `signers` of a project file: whose keys there are, and which of them a repository has to be signed by. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, hasCode, reasonOf, run, type Diagnostic, type Span } from "@tsbake/base";
import { isInside } from "../file/includes.js";
import { isList, isMembers, yamlText, type Members, type YamlValue } from "../file/tree.js";
import * as problem from "../problems.js";

/** An entry of `signers`: a public key in a repository. */
export interface Signer {
  readonly name: string;
  readonly at: Span;
  readonly type: "gpg" | "ssh";
  /** The key of the repository that has the file. */
  readonly repo: string;
  readonly path: string;
  /** Of gpg 40 hexadecimal digits, of ssh `SHA256:…`; undefined: that of the file. */
  readonly fingerprint?: string;
}

/**
 * Whom a repository has to be signed by; undefined: nothing is demanded. What is wrong is added to `problems`.
 *
 * @param own what the project file says of the repository
 * @param signers all that the project file has
 */
export function signersOf(
  id: string,
  own: Members,
  signers: Members,
  { problems, warnings }: { readonly problems: Diagnostic[]; readonly warnings: Diagnostic[] },
): Signer[] | undefined {
  const [signed, allowed] = [own.get("signed"), own.get("allowed_signers")];
  if (signed?.data !== true) {
    // `signed: false` may be meant to switch off what an included file demands.
    if (allowed && !signed) warnings.push(problem.unusedSigners(id, allowed.keyAt));
    return undefined;
  }
  const names = allowed && isList(allowed.data) ? allowed.data : [];
  if (names.length === 0) problems.push(problem.noSigners(id, signed.at));
  return names.flatMap((name) => {
    const value = signers.get(yamlText(name)!);
    if (value) return signerOf(yamlText(name)!, value, problems) ?? [];
    problems.push(problem.unknownSigner(yamlText(name)!, [...signers.keys()], name.at));
    return [];
  });
}

function signerOf(name: string, value: YamlValue, problems: Diagnostic[]): Signer | undefined {
  const members: Members = isMembers(value.data) ? value.data : new Map<string, YamlValue>();
  const said = (key: string): string | undefined => yamlText(members.get(key));
  const type = said("type") === "ssh" ? "ssh" : "gpg";
  const fingerprint = said("fingerprint");
  const isRight = type === "ssh" ? /^SHA256:/ : /^[0-9A-Fa-f]{40}$/;
  if (fingerprint !== undefined && !isRight.test(fingerprint)) {
    const kind = type === "ssh" ? "one of ssh, `SHA256:…`" : "one of gpg, 40 hexadecimal digits";
    problems.push(problem.wrongType("fingerprint", kind, members.get("fingerprint")!.at));
    return undefined;
  }
  return {
    name,
    at: value.keyAt,
    type,
    repo: said("repo")!,
    path: said("path")!,
    ...(fingerprint !== undefined && { fingerprint }),
  };
}

/** A key that was read: what git's verifier is to be told of it, and how it is known. */
export interface SignerKey {
  readonly signer: Signer;
  /** In the spelling of the program that verifies. */
  readonly fingerprint: string;
  /** Of ssh: type and key, as in a `.pub` file. */
  readonly publicKey?: string;
}

/**
 * Reads the keys; those of gpg are put into a keyring.
 *
 * @param folders of the repositories that are there, by their keys
 * @param home folder of the keyring: gpg's, empty
 * @throws BuildError `project/bad-signer`
 */
export async function readKeys(
  signers: readonly Signer[],
  folders: ReadonlyMap<string, string>,
  home: string,
): Promise<SignerKey[]> {
  const keys: SignerKey[] = [];
  for (const signer of signers) {
    const root = folders.get(signer.repo)!;
    const path = join(root, signer.path);
    if (!isInside(path, root)) throw badSigner(signer, `${path} leads out of its repository`);
    const text = await keyText(signer, path);
    const key = signer.type === "ssh" ? sshKey(signer, path, text) : await gpgKey(signer, path, text, home);
    if (signer.fingerprint !== undefined && !isSame(signer.fingerprint, key.fingerprint))
      throw badSigner(signer, `the key in ${path} has the fingerprint ${key.fingerprint}`);
    keys.push(key);
  }
  return keys;
}

async function keyText(signer: Signer, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw badSigner(signer, `${path} cannot be read: ${reasonOf(error)}`, error);
  }
}

/** A line of ssh-keygen's `.pub`: type, key in base64, remark. */
function sshKey(signer: Signer, path: string, text: Buffer): SignerKey {
  const lines = text
    .toString()
    .split("\n")
    .filter((line) => line.trim() !== "");
  const [, type, key] =
    /^((?:sk-)?(?:ssh|ecdsa)-[\w@.-]+) ([A-Za-z0-9+/]+={0,3})(?:\s|$)/.exec(lines[0] ?? "") ?? [];
  if (lines.length !== 1 || type === undefined || key === undefined)
    throw badSigner(signer, `${path} is no public key of ssh: one line, \`ssh-… KEY REMARK\``);
  const digest = createHash("sha256").update(Buffer.from(key, "base64")).digest("base64");
  return { signer, fingerprint: `SHA256:${digest.replace(/=+$/, "")}`, publicKey: `${type} ${key}` };
}

async function gpgKey(signer: Signer, path: string, input: Buffer, home: string): Promise<SignerKey> {
  const args = ["--batch", "--no-tty", "--homedir", home, "--status-fd", "1", "--import"];
  const { stdout } = await runGpg(signer, args, input);
  // The primary key of each that was taken, as gpg's DETAILS document has it.
  const found = new Set([...stdout.matchAll(/^\[GNUPG:\] IMPORT_OK \d+ (\w+)/gm)].map(([, one]) => one!));
  const [fingerprint, ...others] = found;
  if (fingerprint === undefined) throw badSigner(signer, `${path} has no public key of gpg`);
  if (others.length > 0) throw badSigner(signer, `${path} has ${found.size} keys, and has to have one`);
  return { signer, fingerprint };
}

async function runGpg(signer: Signer, args: readonly string[], input: Buffer): Promise<{ stdout: string }> {
  try {
    return await run("gpg", args, { input, mayFail: true });
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    throw badSigner(signer, "there is no program `gpg` on the PATH (apt-get install gpg)", error);
  }
}

function isSame(one: string, other: string): boolean {
  return one.startsWith("SHA256:") ? one === other : one.toUpperCase() === other.toUpperCase();
}

function badSigner({ name, at }: Signer, reason: string, cause?: unknown): BuildError {
  return new BuildError([problem.badSigner(name, reason, at)], { cause });
}
