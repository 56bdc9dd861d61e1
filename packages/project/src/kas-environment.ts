/** What a caller says by kas' variables, `KAS_…`: it counts over the project file. */
import { BuildError, byText, nearest, toBoolean, words, type Diagnostic } from "@tsbake/base";
import { PLAIN_NAME, PLAIN_NAME_WORDS } from "./file/schema.js";
import * as problem from "./problems.js";

export interface KasEnvironment {
  readonly machine?: string;
  readonly distro?: string;
  readonly task?: string;
  readonly targets?: readonly string[];
  /** Where a repository is fetched instead of from `url`. */
  readonly mirrorOf: (url: string) => string;
  readonly warnings: readonly Diagnostic[];
}

/** What is followed: here, and in `locate.ts`. */
const FOLLOWED = words(
  "KAS_MACHINE KAS_DISTRO KAS_TASK KAS_TARGET KAS_PREMIRRORS KAS_WORK_DIR KAS_BUILD_DIR",
);

/** Why the others of kas have no effect. @see kas' docs/userguide/environment-variables.inc */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  ...each("repositories are cloned whole, from where they are", "KAS_CLONE_DEPTH KAS_REPO_REF_DIR"),
  ...each("tools come from recipes", "KAS_BUILDTOOLS_DIR"),
  ...each(
    "git and ssh are called with the settings, logins and keys of the user",
    "SSH_PRIVATE_KEY SSH_PRIVATE_KEY_FILE GITCONFIG_FILE NETRC_FILE GIT_CREDENTIAL_HELPER",
  ),
};

/** Of the script kas-container, which runs kas in a container: not for whoever runs in one. */
const OF_CONTAINERS = /^KAS_(CONTAINER_\w+|IMAGE_VERSION|SUDO_CMD|GIT_CREDENTIAL_\w+)$/;

function each(reason: string, names: string): Record<string, string> {
  return Object.fromEntries(words(names).map((name) => [name, reason]));
}

function unfollowed(environment: Readonly<Record<string, string>>): Diagnostic[] {
  const set = Object.keys(environment).filter((name) => environment[name]);
  // The names that do not begin with KAS_ are of other programs, too: they are meant for kas where something else is.
  if (!set.some((name) => name.startsWith("KAS_"))) return [];
  return set.sort(byText).flatMap((name) => {
    if (Object.hasOwn(WITHOUT_EFFECT, name)) return [problem.unusedVariable(name, WITHOUT_EFFECT[name]!, [])];
    if (!name.startsWith("KAS_") || FOLLOWED.includes(name) || OF_CONTAINERS.test(name)) return [];
    return [problem.unusedVariable(name, "kas has no variable of that name", nearest(name, FOLLOWED))];
  });
}

/** @throws BuildError `project/wrong-variable` */
export function kasEnvironment(environment: Readonly<Record<string, string>>): KasEnvironment {
  const problems: Diagnostic[] = [];
  const named = (key: "machine" | "distro" | "task", variable: string): Partial<KasEnvironment> => {
    const value = environment[variable];
    if (!value) return {};
    if (!PLAIN_NAME.test(value)) problems.push(problem.wrongVariable(variable, value, PLAIN_NAME_WORDS));
    return { [key]: value };
  };
  const targets = words(environment["KAS_TARGET"]);
  const found = {
    ...named("machine", "KAS_MACHINE"),
    ...named("distro", "KAS_DISTRO"),
    ...named("task", "KAS_TASK"),
    ...(targets.length > 0 && { targets }),
    mirrorOf: premirrors(environment["KAS_PREMIRRORS"] ?? "", problems),
    warnings: unfollowed(environment),
  };
  if (problems.length > 0) throw new BuildError(problems);
  return found;
}

/** Lines of a regular expression that a URL begins with, and what stands for it. */
function premirrors(text: string, problems: Diagnostic[]): KasEnvironment["mirrorOf"] {
  const rules = text.split("\n").flatMap((line): (readonly [begin: RegExp, all: RegExp, by: string])[] => {
    const [pattern, by, more] = words(line);
    if (pattern === undefined) return [];
    if (by === undefined || more !== undefined) {
      problems.push(problem.wrongVariable("KAS_PREMIRRORS", line, "`EXPRESSION REPLACEMENT` on each line"));
      return [];
    }
    try {
      const escaped = by.replaceAll("$", "$$$$").replace(/\\(\d)/g, "$$$1");
      return [[new RegExp(`^(?:${pattern})`), new RegExp(pattern, "g"), escaped]];
    } catch {
      problems.push(problem.wrongVariable("KAS_PREMIRRORS", pattern, "a regular expression"));
      return [];
    }
  });
  return (url) => {
    const rule = rules.find(([begin]) => begin.test(url));
    return rule ? url.replace(rule[1], rule[2]) : url;
  };
}

/** A line that sets BB_NO_NETWORK, in any of the ways. */
const NO_NETWORK = /^\s*(?:export\s+)?BB_NO_NETWORK\s*(\?\??|:)?=\s*(["'])(.*?)\2/gm;

/**
 * Whether BB_NO_NETWORK is set, as far as that can be known before the metadata is there.
 *
 * @param texts of configuration, later over earlier
 */
export function forbidsNetwork(
  environment: Readonly<Record<string, string>>,
  texts: readonly string[],
): boolean {
  const lines = texts.flatMap((text) => [...text.matchAll(NO_NETWORK)].map(([, , , value]) => value!));
  return toBoolean(environment["BB_NO_NETWORK"] || lines.at(-1) || "") === true;
}
