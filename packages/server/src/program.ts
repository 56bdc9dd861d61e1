/** What the words of the command line do. */
import { once } from "node:events";
import { join } from "node:path";
import { jsonLog } from "./log.js";
import { readOptions, readWords, refuseWords, serverHelp, stateFolder } from "./command-line/index.js";
import { startServer } from "./server.js";
import { addToken, listTokens, removeToken, SCOPES, type Scope } from "./tokens/index.js";

/** @returns the exit code @throws BuildError `server/…` */
export async function main(argv: readonly string[], say: (line: string) => void): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    say(serverHelp());
    return 0;
  }
  if (argv[0] === "token") return changeTokens(argv.slice(1), say);
  const server = await startServer(readOptions(argv, process.env), jsonLog(say));
  // Once, and to whoever has started it: it is kept as a hash only.
  if (server.firstToken !== undefined)
    say(`token (scopes ${SCOPES.join(", ")}; shown only now): ${server.firstToken}`);
  process.on("SIGHUP", () => server.reload());
  await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  await server.close();
  return 0;
}

const TOKEN_OPTIONS = [
  { name: "dir", value: "DIR", help: "" },
  { name: "state", value: "DIR", help: "" },
  { name: "scopes", value: "SCOPES", help: "" },
];

async function changeTokens(argv: readonly string[], say: (line: string) => void): Promise<number> {
  const { values, positionals } = readWords(argv, TOKEN_OPTIONS);
  const path = join(stateFolder(values), "tokens.json");
  const [what, name = "", ...more] = positionals;
  if (more.length > 0 || (what === "list" && name !== ""))
    refuseWords(`\`${positionals.at(-1)!}\` is one word too many`);
  if (what === "list") {
    for (const one of await listTokens(path)) say(`${one.name}: ${one.scopes.join(", ")}`);
    return 0;
  }
  if (!/^[\w.-]{1,64}$/.test(name)) refuseWords("a token has a name of letters, digits, `.`, `-` and `_`");
  if (what === "add") {
    say(await addToken(path, name, scopesOf(values.get("scopes")?.at(-1))));
    return 0;
  }
  if (what !== "remove") refuseWords("`token` is followed by add, list or remove");
  if (await removeToken(path, name)) return 0;
  return refuseWords(`there is no token \`${name}\``);
}

function scopesOf(text = "push"): Scope[] {
  const wanted = text.split(",").map((one) => one.trim());
  const unknown = wanted.find((one) => !SCOPES.some((scope) => scope === one));
  if (unknown !== undefined) refuseWords(`--scopes: \`${unknown}\` is none of ${SCOPES.join(", ")}`);
  return SCOPES.filter((scope) => wanted.includes(scope));
}
