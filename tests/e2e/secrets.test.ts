/**
 * A secret stands where a person put it, and nowhere else: in no file that a build leaves (nor inside what is compressed), in
 * nothing that it says, and in no command line, which every user of the machine can read.
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { chmodSync, lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect } from "@jest/globals";
import { run, sha256 } from "@tsbake/base";
import { commandLines } from "../support/command-lines.js";
import { gpgMissing, Keyring } from "../support/gpg.js";
import { serveFolder, type Fault, type Mirror } from "../support/mirror.js";
import { testUnless } from "../support/skip.js";
import { toolsProblem } from "../support/tools.js";
import { Toy } from "../support/toy.js";

const zstdMissing = await toolsProblem("zstd");
const TEXT = "what is fetched\n";

let toy: Toy;
let server: Mirror;
let answer: Fault;
/** The Authorization headers, or whole URLs, of what was asked for. */
let asked: string[] = [];

beforeAll(async () => {
  toy = new Toy();
  answer = (request, response) => {
    asked.push(`${request.url} ${Object.values(request.headers).join(" ")}`);
    response.end(TEXT);
    return true;
  };
  server = await serveFolder("/nonexistent", (request, response) => answer(request, response));
});
afterEach(() => {
  toy.restore();
  for (const name of ["conf", "downloads", "sstate-cache", "tmp"])
    rmSync(toy.rig.path("build", name), { recursive: true, force: true });
  asked = [];
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  toy[Symbol.dispose]();
});

/** 20 letters that no other text has. */
function newSecret(): string {
  return Array.from({ length: 20 }, () => String.fromCodePoint(97 + randomInt(26))).join("");
}

/** What a file holds, also compressed. */
function contentOf(path: string): Buffer {
  const bytes = readFileSync(path);
  const magic = bytes.subarray(0, 4).toString("hex");
  if (magic.startsWith("1f8b")) return gunzipSync(bytes);
  if (magic !== "28b52ffd") return bytes;
  const { status, stdout } = spawnSync("zstd", ["-dc", path], { maxBuffer: 1 << 30, env: process.env });
  if (status !== 0) throw new Error(`zstd -dc ${path}`);
  return stdout;
}

/** Files below a folder that hold the text in their content or their name. */
function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => {
      const path = join(folder, name);
      return name.includes(text) || (lstatSync(path).isFile() && contentOf(path).includes(text));
    })
    .toSorted();
}

interface Place {
  /** Puts the secret there. @returns the files that have it then, and what the caller's environment has */
  put(secret: string): { files: readonly string[]; environment?: Record<string, string> };
  /** What was asked for must have it, so that the test is about something: as it is, or in a login in base64. */
  readonly isSent: boolean;
}

const source = (uri: string): void =>
  toy.recipe("secretive", `SRC_URI = "${uri}"\nSRC_URI[sha256sum] = "${sha256(TEXT)}"\n`);
const at = (login: string, path = "a.txt"): string => server.url.replace("//", `//${login}@`) + `/${path}`;
const RECIPE = "meta-toy/recipes/extra/secretive_1.0.bb";

const PLACES: Readonly<Record<string, Place>> = {
  "the password of a URL": {
    isSent: true,
    put(secret) {
      source(`${at(`me:${secret}`)};unpack=0`);
      return { files: [RECIPE] };
    },
  },
  "a token as the user of a URL": {
    isSent: true,
    put(secret) {
      source(`${at(secret)};unpack=0`);
      return { files: [RECIPE] };
    },
  },
  "the query of a URL": {
    isSent: true,
    put(secret) {
      source(`${server.url}/a.txt?private_token=${secret}&x=1;downloadfilename=a.txt;unpack=0`);
      return { files: [RECIPE] };
    },
  },
  "the URL of a mirror in local.conf": {
    isSent: true,
    put(secret) {
      toy.configure(`PREMIRRORS = "http://files.invalid/.* ${at(`me:${secret}`, "")}"\n`);
      source("http://files.invalid/a.txt;unpack=0");
      return { files: ["build/conf/local.conf"] };
    },
  },
  "the URL of a mirror in tsbake.yaml": {
    isSent: true,
    put(secret) {
      toy.change(
        "tsbake.yaml",
        (text) =>
          `${text}local_conf_header:\n  mirror: |\n    PREMIRRORS = "http://files.invalid/.* ${at(secret, "")}"\n`,
      );
      chmodSync(toy.rig.path("tsbake.yaml"), 0o600);
      source("http://files.invalid/a.txt;unpack=0");
      // What is made of it has it too, and nobody else may read either.
      return { files: ["build/conf/project.conf", "tsbake.yaml"] };
    },
  },
  "the URL of a mirror of the shared state": {
    isSent: true,
    put(secret) {
      toy.configure(`SSTATE_MIRRORS = "file://.* ${at(`me:${secret}`, "PATH")}"\n`);
      toy.recipe("secretive");
      return { files: ["build/conf/local.conf"] };
    },
  },
  "a variable of local.conf": {
    isSent: false,
    put(secret) {
      toy.configure(`MY_TOKEN = "${secret}"\n`);
      toy.recipe("secretive");
      return { files: ["build/conf/local.conf"] };
    },
  },
  "the login of a proxy": {
    isSent: true,
    put(secret) {
      source("http://files.invalid/a.txt;unpack=0");
      const environment = { http_proxy: server.url.replace("//", `//me:${secret}@`), no_proxy: "localhost" };
      return { files: [], environment };
    },
  },
  "~/.netrc": {
    isSent: true,
    put(secret) {
      toy.change(".netrc", `machine 127.0.0.1 login me password ${secret}\n`);
      chmodSync(toy.rig.path(".netrc"), 0o600);
      source(`${server.url}/a.txt;unpack=0`);
      return { files: [".netrc"] };
    },
  },
  "the login of a git repository": {
    isSent: true,
    put(secret) {
      const host = server.url.replace("http://", "");
      source(`git://me:${secret}@${host}/x.git;protocol=http;branch=main`);
      toy.change(RECIPE, (text) => `${text}SRCREV = "${"1".repeat(40)}"\n`);
      return { files: [RECIPE] };
    },
  },
};

/** What was parsed is kept with the configuration's values, for its owner alone. */
function isPrivateCache(name: string): boolean {
  return name.startsWith("build/cache/recipes.") && (lstatSync(toy.rig.path(name)).mode & 0o077) === 0;
}

/** Runs a build and looks for the secret everywhere. @returns what it said */
async function look(
  secret: string,
  args: readonly string[],
  known: ReturnType<Place["put"]>,
): Promise<string> {
  const lines = new Set<string>();
  const { environment = {} } = known;
  const watching = setInterval(() => {
    for (const line of commandLines()) if (line.includes(secret)) lines.add(line);
  }, 50);
  const result = await toy.tsbake(args, { environment }).finally(() => clearInterval(watching));
  expect([...lines]).toEqual([]);
  expect(result.output.split("\n").filter((line) => line.includes(secret))).toEqual([]);
  expect(filesWith(toy.rig.folder, secret).filter((name) => !isPrivateCache(name))).toEqual([...known.files]);
  return result.output;
}

testUnless(zstdMissing, "everything that is looked at can be read", async () => {
  const path = toy.rig.path("x.zst");
  await run("zstd", ["-q", "-o", path], { input: "some words that are nowhere else" });
  expect(filesWith(toy.rig.folder, "words that are nowhere")).toEqual(["x.zst"]);
  rmSync(path);
});

for (const [name, place] of Object.entries(PLACES)) {
  testUnless(
    zstdMissing,
    `${name} is nowhere else`,
    async () => {
      const secret = newSecret();
      const known = place.put(secret);
      if (name.includes("git")) {
        // There is no repository: what is asked for is a login, and the failure is told.
        answer = (request, response) => {
          asked.push(`${request.url} ${Object.values(request.headers).join(" ")}`);
          response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
          return true;
        };
      }
      await look(secret, ["--ui", "json", "-v", "-D", "secretive"], known);
      const sent = asked.join("\n");
      const logins = [...sent.matchAll(/Basic ([\w+/=]+)/g)].map(([, word]) =>
        Buffer.from(word!, "base64").toString(),
      );
      expect([sent, ...logins].some((text) => text.includes(secret))).toBe(place.isSent);
    },
    120_000,
  );
}

testUnless(
  gpgMissing ?? zstdMissing,
  "the passphrase of a key is nowhere else",
  async () => {
    const secret = newSecret();
    await using keys = new Keyring();
    const key = await keys.key("maker", { passphrase: secret });
    await keys.tellAgent("killagent");
    toy.configure(
      `SSTATE_VERIFY_SIG = "1"\nGPG_PATH = "${keys.home}"\nSSTATE_SIG_KEY = "${key}"\nSSTATE_SIG_PASSPHRASE = "${secret}"\n`,
    );
    toy.recipe("secretive");
    await look(secret, ["-v", "-D", "secretive"], { files: ["build/conf/local.conf"] });
    expect(readdirSync(toy.rig.path("build/sstate-cache"), { recursive: true }).join("\n")).toContain(".sig");
  },
  120_000,
);
