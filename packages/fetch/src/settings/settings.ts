/**
 * Variables of the configuration that say how things are fetched, as `tsbake-fetch` gets them (`--set NAME=VALUE`). Each is
 * honoured or refused; docs/differences.md has the table.
 */
import { BuildError, toBoolean, words } from "@tsbake/base";
import type { FetchOptions } from "./options.js";
import { badSetting, unsupportedSetting } from "../problems.js";

type Settings = Partial<{ -readonly [key in keyof FetchOptions]: FetchOptions[key] }>;

const SETTINGS: Readonly<Record<string, (settings: Settings, value: string, name: string) => void>> = {
  BB_ALLOWED_NETWORKS(settings, value) {
    const hosts = value.toLowerCase().split(/\s+/);
    const named = hosts.filter((host) => host !== "");
    if (named.length > 0) settings.allowedNetworks = named;
  },
  BB_CHECK_SSL_CERTS(_settings, value) {
    // Node itself says on standard error that this is in force.
    if (value === "0") process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  },
  BB_FETCH_PREMIRRORONLY(settings, value, name) {
    settings.premirrorOnly = yes(name, value);
  },
  BB_GENERATE_MIRROR_TARBALLS(settings, value) {
    settings.mirrorTarballs = value !== "" && value !== "0";
  },
  BB_GENERATE_SHALLOW_TARBALLS(settings, value) {
    if (value !== "") settings.shallowTarballs = value !== "0";
  },
  BB_GIT_DEFAULT_DESTSUFFIX(settings, value) {
    if (value !== "") settings.gitDestsuffix = value;
  },
  BB_GIT_NOSHARED(settings, value) {
    settings.gitShared = value !== "1";
  },
  BB_GIT_SHALLOW(settings, value) {
    settings.gitShallow = value === "1";
  },
  BB_GIT_SHALLOW_DEPTH(settings, value, name) {
    setDepth(settings, "", value, name);
  },
  BB_GIT_SHALLOW_EXTRA_REFS(settings, value) {
    settings.shallowRefs = words(value);
  },
  BB_GIT_SHALLOW_REVS(settings, value) {
    settings.shallowExcludes = { ...settings.shallowExcludes, "": words(value) };
  },
  BB_NO_NETWORK(settings, value, name) {
    if (yes(name, value)) settings.network = false;
  },
  BB_STRICT_CHECKSUM(settings, value, name) {
    if (!["", "0", "1", "ignore"].includes(value)) fail(name, value, "`1`, `0` or `ignore`");
    if (value !== "") settings.withoutChecksum = value === "1" ? "error" : value === "0" ? "warning" : "fine";
  },
  FETCHCMD_git: refuse([""], "git is called as `git`"),
  FETCHCMD_wget: refuse([""], "no program is called for http:// and https://"),
  GITDIR(settings, value) {
    if (value !== "") settings.gitDir = value;
  },
  TSBAKE_HTTP_MAX_SIZE(settings, value, name) {
    if (!/^\d{0,15}$/.test(value)) fail(name, value, "bytes");
    if (Number(value) > 0) settings.maxBytes = Number(value);
  },
  TSBAKE_HTTP_MAX_TIME(settings, value, name) {
    if (!/^\d{0,9}$/.test(value)) fail(name, value, "seconds");
    if (Number(value) > 0) settings.maxMs = Number(value) * 1000;
  },
  TSBAKE_HTTP_MIN_RATE(settings, value, name) {
    if (!/^\d{0,9}$/.test(value)) fail(name, value, "bytes a second");
    if (value !== "") settings.minRate = Number(value);
  },
};

/** Variables for the entry with a name. */
const BY_NAME = {
  BB_GIT_SHALLOW_DEPTH_: setDepth,
  BB_GIT_SHALLOW_REVS_(settings: Settings, entry: string, value: string): void {
    settings.shallowExcludes = { ...settings.shallowExcludes, [entry]: words(value) };
  },
} as const;

function setDepth(settings: Settings, entry: string, value: string, name: string): void {
  if (!/^[0-9]*$/.test(value)) fail(name, value, "a number of commits");
  settings.shallowDepths = { ...settings.shallowDepths, [entry]: Number(value || "0") };
}

/** @throws BuildError `fetch/bad-setting`, `fetch/unsupported-setting` */
export function readSettings(pairs: readonly string[]): Settings {
  const settings: Settings = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const name = equals === -1 ? pair : pair.slice(0, equals);
    const value = pair.slice(equals + 1).trim();
    const prefix = (Object.keys(BY_NAME) as (keyof typeof BY_NAME)[]).find((one) => name.startsWith(one));
    const read = SETTINGS[name];
    if (equals === -1 || (!read && !prefix))
      fail(name, pair, "one of the variables of fetching, as NAME=VALUE");
    if (read) read(settings, value, name);
    else if (prefix) BY_NAME[prefix](settings, name.slice(prefix.length), value, name);
  }
  return settings;
}

function refuse(fine: readonly string[], why: string) {
  return (_settings: Settings, value: string, name: string): void => {
    if (!fine.includes(value)) throw new BuildError([unsupportedSetting(name, value, why)]);
  };
}

function yes(name: string, value: string): boolean {
  return toBoolean(value) ?? fail(name, value, "yes or no");
}

function fail(name: string, value: string, wanted: string): never {
  throw new BuildError([badSetting(name, value, wanted)]);
}
