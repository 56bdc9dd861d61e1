/**
 * What a maintainer script would have made on a device, as far as its text tells: for the report of an extension where none ran.
 * Every branch of the script counts, so it is at least what an execution makes; what only running it would tell is not in it.
 */
import { sortedUnique } from "@tsbake/base";
import type { SkippedScript } from "../../database/backend.js";
import { alternativeLinks } from "./alternatives.js";
import { diversionsOf } from "./diversions.js";
import { ScriptReader, type StartedCommand } from "./script-reader.js";
import { shellCommands } from "./shell-words.js";
import { isKnownPath, TEMPORARY, UNKNOWN } from "./values.js";

/** Scripts that an installation runs. */
const INSTALLING: ReadonlySet<string> = new Set(["preinst", "postinst", "config"]);

/** Words that have their value in the next one, of commands that make accounts. */
const ACCOUNT_OPTIONS =
  /^--?(home|shell|ingroup|gecos|comment|uid|gid|firstuid|lastuid|home-dir|groups|base-dir|conf|[dsgucGbkKfe])$/;

type Reading = (started: StartedCommand, owner: string) => readonly string[];

/** By name of the command. @see adduser(8), useradd(8), setcap(8), ucf(1), deb-systemd-helper(1p), dpkg-trigger(1) */
const COMMANDS: Readonly<Record<string, Reading>> = {
  adduser: addUser,
  addgroup: (started) => named("group", plain(started, ACCOUNT_OPTIONS).slice(0, 1)),
  useradd: (started) => named("user", plain(started, ACCOUNT_OPTIONS).slice(-1)),
  groupadd: (started) => named("group", plain(started, ACCOUNT_OPTIONS).slice(-1)),
  usermod: memberOf,
  "systemd-sysusers": (started) => named("accounts of", plain(started)),
  setcap: (started) => capabilities(plain(started)),
  ucf: (started) =>
    named("configuration file", plain(started, /^--?(debconf-template|state-dir)$/).slice(1, 2)),
  chmod: setIds,
  chown: owners,
  "update-alternatives": ({ args }, owner) =>
    alternativeLinks(args, owner).map(({ link, path }) => `alternative ${link} -> ${path}`),
  "deb-systemd-helper": (started) => {
    const [action, ...units] = plain(started);
    return action === "enable" ? named("enabled unit", units) : [];
  },
  "dpkg-trigger": (started) => named("trigger", plain(started, /^--(by-package|admindir|root)$/)),
  mkdir: (started) => named("folder", plain(started, /^(-m|--mode)$/).filter(isKnownPath)),
  ln: (started) => named("link", plain(started).slice(1, 2).filter(isKnownPath)),
};

/**
 * What a script makes, sorted: `user NAME`, `group NAME`, `alternative LINK -> PATH`, `capabilities WORDS of PATH`, `configuration file
 * PATH`, `diversion PATH -> PATH`, `enabled unit NAME`, `folder PATH`, `link PATH`, `set-id MODE of PATH`, `owner NAME of PATH`, `trigger NAME`.
 *
 * @returns none for a script that only a removal runs, or that is no shell script
 */
export function scriptEffects({ script, text, package: owner }: SkippedScript): string[] {
  if (script === "triggers")
    return sortedUnique(
      [...text.matchAll(/^\s*activate(?:-noawait|-await)?\s+(\S+)/gm)].map(([, name]) => `trigger ${name}`),
    );
  const isShell = !text.startsWith("#!") || /^#!\s*\S*\/(?:env\s+)?(?:ba|da|k|z)?sh\b/.test(text);
  if (!INSTALLING.has(script) || !isShell) return [];
  const found = [...diversionsOf(text)].map(([from, to]) => `diversion ${from} -> ${to}`);
  const reader = new ScriptReader((started) => {
    const reading = Object.hasOwn(COMMANDS, started.name) ? COMMANDS[started.name] : undefined;
    if (reading !== undefined) found.push(...reading(started, owner));
  });
  reader.run(shellCommands(text));
  return sortedUnique(found);
}

/** Words that are no options, nor values of one; those of which nothing is known are left out. */
function plain({ args }: StartedCommand, withValue = /^$/): string[] {
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const all = args[at] ?? [];
    const [first = ""] = all;
    if (first.startsWith("-")) at += withValue.test(first) ? 1 : 0;
    else words.push(...all);
  }
  return words.filter((word) => word !== "" && !word.includes(UNKNOWN) && !word.includes(TEMPORARY));
}

function named(what: string, names: readonly string[]): string[] {
  return names.map((name) => `${what} ${name}`);
}

/** `adduser USER GROUP` puts a user into a group; `--system --group` makes one of its name, too. */
function addUser(started: StartedCommand): string[] {
  const flags = new Set(started.args.flat());
  const words = plain(started, ACCOUNT_OPTIONS);
  const [user, group] = words;
  if (user === undefined) return [];
  if (flags.has("--group"))
    return flags.has("--system") ? [`user ${user}`, `group ${user}`] : [`group ${user}`];
  return group === undefined || flags.has("--system") ? [`user ${user}`] : [`member ${user} of ${group}`];
}

/** `usermod -aG GROUP[,GROUP] USER`. */
function memberOf({ args }: StartedCommand): string[] {
  const at = args.findIndex(([word = ""]) => /^-a?G$|^--groups$/.test(word));
  const [groups] = args[at + 1] ?? [];
  const [user] = args.at(-1) ?? [];
  if (at < 0 || groups === undefined || user === undefined || `${groups}${user}`.includes(UNKNOWN)) return [];
  return groups.split(",").map((group) => `member ${user} of ${group}`);
}

/** `setcap WORDS PATH …` */
function capabilities(words: readonly string[]): string[] {
  return words.flatMap((word, at) =>
    isKnownPath(word) && at > 0 ? [`capabilities ${words[at - 1]} of ${word}`] : [],
  );
}

function setIds(started: StartedCommand): string[] {
  const [mode = "", ...paths] = plain(started);
  if (!/^0?[2467][0-7]{3}$|^[ugoa]*\+[rwx]*s/.test(mode)) return [];
  return paths.filter(isKnownPath).map((path) => `set-id ${mode} of ${path}`);
}

function owners(started: StartedCommand): string[] {
  const [owner = "", ...paths] = plain(started);
  if (/^(root|0)?([:.](root|0)?)?$/.test(owner)) return [];
  return paths.filter(isKnownPath).map((path) => `owner ${owner} of ${path}`);
}
