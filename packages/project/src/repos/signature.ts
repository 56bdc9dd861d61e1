/**
 * `signed` of a repository: its tag, or else its commit, has to have a good signature of one of `allowed_signers`, before anything of it
 * is checked out. git verifies, with a keyring that has these keys and no others.
 *
 * @see gitformat-signature(5); GnuPG's doc/DETAILS for the words of its status lines
 */
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError, git, gitReason, removeTree, scratchFolder, type Span } from "@tsbake/base";
import * as problem from "../problems.js";
import { readKeys, type Signer, type SignerKey } from "./signers.js";

export interface SignedThing {
  readonly id: string;
  readonly at: Span;
  readonly signers: readonly Signer[];
  /** A git repository that has it. */
  readonly folder: string;
  readonly commit: string;
  /** In full, `refs/tags/…`: then the tag is what has to be signed. */
  readonly tag?: string;
}

/**
 * @param folders of the repositories with keys, by their keys
 * @throws BuildError `project/bad-signature`, `project/bad-signer`
 */
export async function demandSignature(
  thing: SignedThing,
  folders: ReadonlyMap<string, string>,
): Promise<void> {
  const home = await scratchFolder(join(tmpdir(), "tsbake-signers-"));
  try {
    // One that is there keeps gpg from choosing a daemon for its keys.
    await writeFile(join(home, "common.conf"), "");
    const keys = await readKeys(thing.signers, folders, home);
    const fault = await faultOf(thing, keys, home);
    if (fault !== undefined) {
      const what =
        thing.tag === undefined ? `commit ${thing.commit}` : thing.tag.replace(/^refs\/tags\//, "tag ");
      throw new BuildError([problem.badSignature(thing.id, what, fault, thing.at)]);
    }
  } finally {
    await removeTree(home);
  }
}

/** Why it is not to be believed; undefined: it is. */
async function faultOf(
  { folder, commit, tag }: SignedThing,
  keys: readonly SignerKey[],
  home: string,
): Promise<string | undefined> {
  const object = tag === undefined ? commit : await tagObject(folder, tag);
  if (object === undefined) return "it is a light tag, which has no signature";
  const allowed = join(home, "allowed-signers");
  const lines = keys.flatMap(({ publicKey }, at) =>
    publicKey === undefined ? [] : [`signer-${at} namespaces="git" ${publicKey}\n`],
  );
  await writeFile(allowed, lines.join(""));
  // Whatever the settings of the repository say.
  const settings = [
    "gpg.program=gpg",
    "gpg.openpgp.program=gpg",
    "gpg.ssh.program=ssh-keygen",
    "gpg.x509.program=false",
    "gpg.minTrustLevel=undefined",
    `gpg.ssh.allowedSignersFile=${allowed}`,
    "gpg.ssh.revocationFile=",
  ].flatMap((one) => ["-c", one]);
  const verify = tag === undefined ? "verify-commit" : "verify-tag";
  const { code, stderr } = await git(["-C", folder, ...settings, verify, "--raw", object], {
    env: { GNUPGHOME: home, GIT_NO_REPLACE_OBJECTS: "1" },
  });
  const by = signedBy(stderr);
  const isAllowed = keys.some(({ fingerprint }) => fingerprint === by);
  if (code !== 0 || by === undefined || !isAllowed) return reasonIn(stderr, by);
  return tag === undefined ? undefined : await tagFault(folder, object, commit, tag);
}

/** Fingerprint of the key, of gpg of its primary key, that made a good signature. */
function signedBy(stderr: string): string | undefined {
  const gpg = /^\[GNUPG:\] VALIDSIG .*?(\w+)$/m.exec(stderr)?.[1];
  return gpg ?? /^Good "git" signature .* key (SHA256:\S+)$/m.exec(stderr)?.[1];
}

const WORDS: readonly (readonly [word: string, what: string])[] = [
  ["BADSIG", "and the signature is not of what stands there"],
  ["REVKEYSIG", "a key that has been revoked"],
  ["EXPKEYSIG", "a key that has expired"],
  ["EXPSIG", "and the signature has expired"],
  ["NO_PUBKEY", "which is none of its `allowed_signers`"],
];

function reasonIn(stderr: string, by: string | undefined): string {
  for (const [word, what] of WORDS) {
    const key = new RegExp(`^\\[GNUPG:\\] ${word} (\\S+)`, "m").exec(stderr)?.[1];
    if (key !== undefined) return `it is signed by ${key}, ${what}`;
  }
  if (by !== undefined) return `it is signed by ${by}, which is none of its \`allowed_signers\``;
  const said = gitReason(stderr);
  return said === "" || said.includes("no signature found") ? "it has no signature" : said;
}

async function tagObject(folder: string, tag: string): Promise<string | undefined> {
  const found = await git(["-C", folder, "rev-parse", "-q", "--verify", `${tag}^{tag}`]);
  return found.code === 0 ? found.stdout.trim() : undefined;
}

/** Somebody could give an old tag, with its good signature, another name. */
async function tagFault(
  folder: string,
  object: string,
  commit: string,
  tag: string,
): Promise<string | undefined> {
  const { stdout } = await git(["-C", folder, "cat-file", "tag", object]);
  const name = /^tag (.*)$/m.exec(stdout.split("\n\n", 1)[0]!)?.[1];
  if (name !== tag.replace(/^refs\/tags\//, "")) return `what was signed is the tag \`${name}\``;
  const { stdout: tagged } = await git(["-C", folder, "rev-parse", `${object}^{commit}`]);
  return tagged.trim() === commit ? undefined : `it is of the commit ${tagged.trim()}`;
}
