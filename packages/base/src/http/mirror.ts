/**
 * Other places for a URL, by `pattern replacement` rules.
 *
 * A rule is matched and applied part by part: type, host, path, user, password, parameters. The words TYPE, HOST, PATH,
 * BASENAME and MIRRORNAME in a replacement stand for those of the URL that one began with. Patterns are Python's.
 * packages/python/lib/bb/fetch2/mirrors.py says the same for metadata; tests/golden/fetch/mirrors.txt holds both to what
 * BitBake does.
 *
 * @see BitBake user manual, PREMIRRORS and MIRRORS; lib/bb/fetch2/__init__.py, uri_replace, build_mirroruris
 */
import { lastOf, localName } from "./local-name.js";
import { decodeRule, mirrorPattern, type MirrorRule } from "./mirror-rule.js";
import { decodeUrl, encodeUrl } from "./url.js";

/** What a mirror calls the file. */
export interface MirrorOptions {
  /** The file's name on the mirror: a replacement that does not end with it is a folder. Default: that of the URL. */
  readonly basename?: string;
  /** The name of an archive of the source (git), for mirrors of another type. */
  readonly tarball?: string | undefined;
  /** The URL that the words of a replacement are taken from. Default: the URL itself. */
  readonly origin?: string;
}

/** Where `url` is on the mirror that the rule describes, or undefined when the rule is not about it. */
export function applyMirror(url: string, rule: MirrorRule, options: MirrorOptions = {}): string | undefined {
  const from = decodeRule(url);
  const find = decodeRule(rule.find);
  const replace = decodeRule(rule.replace);
  const words = wordsOf(options.origin ?? url);
  if (!from || !find || !replace || !words) return undefined;
  const type = part(`${find.type.replace(/\$$/, "")}$`, from.type, replace.type, words);
  const host = part(find.host, from.host, replace.host, words);
  let path = part(find.path, from.path, replace.path, words);
  if (type === undefined || host === undefined || path === undefined) return undefined;
  const user = login(find.user, from.user, replace.user);
  const password = login(find.password, from.password, replace.password);
  if (user === undefined || password === undefined) return undefined;
  const isTarball = from.type !== replace.type && options.tarball !== undefined;
  const name = isTarball ? options.tarball : (options.basename ?? localName(url));
  if (name) path = withName(path, lastOf(from.path), lastOf(name));
  const parameters: Record<string, string> = isTarball ? {} : { ...from.parameters };
  for (const [key, value] of isTarball ? [] : Object.entries(find.parameters)) {
    if (from.parameters[key] !== value) return undefined;
  }
  for (const [key, value] of Object.entries(replace.parameters)) parameters[key] = filled(value, words);
  const result = encodeUrl({ type, host, path, user, password, parameters });
  return result === url ? undefined : result;
}

/** Which places there are to be asked. */
export interface MirrorsOptions {
  /** Names of archives of the source, the best first. */
  readonly tarballs?: readonly string[];
  /** Places that may not be asked; what rules would make of them is not looked at either. */
  readonly isAllowed?: (url: string) => boolean;
}

/**
 * All places of `url`, in the order in which they are asked: what a rule gives goes through the other rules at once, and no
 * rule is used twice on the way to a place.
 */
export function mirrorsOf(url: string, rules: readonly MirrorRule[], options: MirrorsOptions = {}): string[] {
  const found = new Set<string>();
  const tarballs: readonly (string | undefined)[] = options.tarballs?.length ? options.tarballs : [undefined];
  const visit = (from: string, left: readonly MirrorRule[]): void => {
    for (const rule of left) {
      for (const tarball of tarballs) {
        const place = applyMirror(from, rule, { origin: url, tarball });
        if (place === undefined || place === url || found.has(place)) continue;
        if (!decodeUrl(place) || (options.isAllowed && !options.isAllowed(place))) continue;
        found.add(place);
        visit(
          place,
          left.filter((one) => one !== rule),
        );
      }
    }
  };
  visit(url, rules);
  return [...found];
}

/** The path on the mirror with the right name at its end. */
function withName(path: string, before: string, name: string): string {
  if (before !== "" && name !== before && `/${path}`.endsWith(`/${before}`)) {
    return path.slice(0, path.length - before.length) + name;
  }
  if (name === "" || `/${path}`.endsWith(`/${name}`)) return path;
  return path === "" || path.endsWith("/") ? path + name : `${path}/${name}`;
}

type Words = readonly (readonly [word: string, value: string])[];

function wordsOf(url: string): Words | undefined {
  const parts = decodeUrl(url);
  if (!parts) return undefined;
  const { type, host, path } = parts;
  return [
    ["TYPE", type],
    ["HOST", host],
    ["PATH", path],
    ["BASENAME", lastOf(path)],
    ["MIRRORNAME", `${host.replaceAll(":", ".")}${path.replace(/[/*]/g, ".")}`],
  ];
}

function filled(text: string, words: Words): string {
  return words.reduce((whole, [word, value]) => whole.replaceAll(word, () => value), text);
}

/** Who logs in at the mirror: never who logs in at the place of the recipe. Undefined: the rule does not match. */
function login(find: string, value: string, replacement: string): string | undefined {
  return replacement !== "" ? replacement : mirrorPattern(find).test(value) ? "" : undefined;
}

function part(find: string, value: string, replacement: string, words: Words): string | undefined {
  const match = mirrorPattern(find).exec(value);
  if (!match) return undefined;
  if (replacement === "") return "";
  // A backslash of the URL is none of the template.
  const safe = words.map(([word, text]) => [word, text.replaceAll("\\", "\\\\")] as const);
  const text = filled(replacement, safe).replace(
    /\\(?:g<(\w+)>|(\d{1,2})|\\)/g,
    (all: string, name?: string, digits?: string) => {
      const group = name ?? digits;
      if (group === undefined) return all === "\\\\" ? "\\" : all;
      return (/^\d+$/.test(group) ? match[Number(group)] : match.groups?.[group]) ?? "";
    },
  );
  return text + value.slice(match[0].length);
}
