/**
 * Who may do what: a file of hashed tokens. A token is 256 random bits, so one round of SHA-256 with a salt is as good as any
 * number of them; the clear token is nowhere but with its owner.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { stat } from "node:fs/promises";
import * as v from "valibot";
import { BuildError, hasCode, readPlain, writeFileAtomic } from "@tsbake/base";
import { digest, filled, list, readData } from "@tsbake/base/data";
import { badTokens } from "../problems.js";

export const SCOPES = ["read", "push", "prune"] as const;
export type Scope = (typeof SCOPES)[number];

const TokenFile = v.object({
  format: v.literal(1),
  tokens: list(
    v.object({
      name: v.pipe(filled, v.regex(/^[\w.-]{1,64}$/, "it is no name")),
      scopes: list(v.picklist(SCOPES)),
      salt: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, "it is no salt")),
      sha256: digest,
    }),
  ),
});
type TokenFile = v.InferOutput<typeof TokenFile>;
type Token = TokenFile["tokens"][number];

export interface Holder {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

const LONGEST_FILE = 4 << 20;
/** A file that was changed counts after so long. */
const LOOK_EVERY_MS = 1000;
/** No token of ours is longer; what is, is not even hashed. */
const LONGEST_TOKEN = 256;

/** The tokens of a file, read again when it has changed. */
export class Tokens {
  readonly #path: string;
  #tokens: readonly Token[] = [];
  #stamp = "";
  #lookedMs = -Infinity;
  readonly #onTrouble: (reason: string) => void;

  private constructor(path: string, onTrouble: (reason: string) => void) {
    this.#path = path;
    this.#onTrouble = onTrouble;
  }

  /** @param onTrouble told when a changed file cannot be read; the tokens before it go on counting @throws BuildError `server/bad-tokens` */
  static async open(path: string, onTrouble: (reason: string) => void): Promise<Tokens> {
    const tokens = new Tokens(path, onTrouble);
    await tokens.#read(await stampOf(path));
    return tokens;
  }

  /** Whose token it is; undefined where it is nobody's. Takes as long for each that is wrong. */
  async holder(token: string): Promise<Holder | undefined> {
    await this.#refresh();
    if (token.length > LONGEST_TOKEN) return undefined;
    let found: Token | undefined;
    for (const one of this.#tokens) {
      const actual = Buffer.from(hashOf(one.salt, token), "hex");
      // No early end: how long it takes says nothing about how many there are before.
      if (timingSafeEqual(actual, Buffer.from(one.sha256, "hex"))) found = one;
    }
    return found && { name: found.name, scopes: found.scopes };
  }

  async #refresh(): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedMs < LOOK_EVERY_MS) return;
    this.#lookedMs = now;
    try {
      const stamp = await stampOf(this.#path);
      if (stamp !== this.#stamp) await this.#read(stamp);
    } catch (error) {
      this.#onTrouble(error instanceof BuildError ? error.diagnostics[0]!.message : String(error));
    }
  }

  async #read(stamp: string): Promise<void> {
    this.#tokens = (await readTokenFile(this.#path)).tokens;
    this.#stamp = stamp;
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { ino, mtimeNs, size } = await stat(path, { bigint: true });
    return `${ino} ${mtimeNs} ${size}`;
  } catch (error) {
    throw new BuildError([badTokens(path, String(error))], { cause: error });
  }
}

async function readTokenFile(path: string): Promise<TokenFile> {
  const text = (await readPlain(path, LONGEST_FILE)).toString();
  return readData(TokenFile, text, (reason) => badTokens(path, reason));
}

function hashOf(salt: string, token: string): string {
  return createHash("sha256").update(`${salt}${token}`).digest("hex");
}

/**
 * Adds a token, or gives the one of this name another secret. The file is made when it is not there, readable for its owner alone.
 *
 * @returns the clear token @throws BuildError `server/bad-tokens`
 */
export async function addToken(path: string, name: string, scopes: readonly Scope[]): Promise<string> {
  const clear = `tsb_${randomBytes(32).toString("base64url")}`;
  const salt = randomBytes(16).toString("hex");
  const others = (await listTokens(path)).filter((one) => one.name !== name);
  await save(path, [...others, { name, scopes: [...scopes], salt, sha256: hashOf(salt, clear) }]);
  return clear;
}

/** @returns whether there was one @throws BuildError `server/bad-tokens` */
export async function removeToken(path: string, name: string): Promise<boolean> {
  const before = await listTokens(path);
  const rest = before.filter((one) => one.name !== name);
  if (rest.length === before.length) return false;
  await save(path, rest);
  return true;
}

/** Of a file that is not there: none. @throws BuildError `server/bad-tokens` */
export async function listTokens(path: string): Promise<readonly Token[]> {
  try {
    return (await readTokenFile(path)).tokens;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

async function save(path: string, tokens: readonly Token[]): Promise<void> {
  const file: TokenFile = { format: 1, tokens };
  await writeFileAtomic(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
}
