/**
 * Every key that kas knows, and what becomes of it here: followed, or refused with a remedy. There is no third kind.
 *
 * @see kas/schema-kas.json of kas 5.4, format 23
 */

/** Versions of the format that are known: `header.version`. */
export const VERSIONS = { least: 1, most: 23 };

export type Shape =
  | { readonly kind: "text"; readonly orNone?: true }
  /** A text of one form. @param form the same in words */
  | { readonly kind: "match"; readonly pattern: RegExp; readonly form: string }
  | { readonly kind: "version" }
  | { readonly kind: "number"; readonly least: number; readonly most: number }
  /** @param orOne one item may stand without its list */
  | { readonly kind: "list"; readonly of: Shape; readonly orOne?: true }
  /** One of these texts or booleans; `Mapping` instead of them where it is given. */
  | {
      readonly kind: "words";
      readonly words: readonly unknown[];
      readonly or?: Mapping;
      readonly orNone?: true;
    }
  | Mapping
  /** A text, or a mapping. */
  | { readonly kind: "either"; readonly mapping: Mapping }
  /** @param but values that ask for what is done anyway */
  | { readonly kind: "refused"; readonly remedy: string; readonly but?: readonly unknown[] };

interface Mapping {
  readonly kind: "mapping";
  /** Those that it may have; undefined: names of people's own, each with `each`. */
  readonly keys?: Readonly<Record<string, Shape>>;
  readonly each?: Shape;
  readonly required?: readonly string[];
  readonly orNone?: true;
}

/** A name, and what it is in words. */
export const PLAIN_NAME = /^[\w.+-]+$/;
export const PLAIN_NAME_WORDS = "one name, of letters, digits and `_ . + -`";

const text: Shape = { kind: "text" };
const textOrNone: Shape = { kind: "text", orNone: true };
/** Of a machine, a distribution or a task. */
const plainName: Shape = { kind: "match", pattern: PLAIN_NAME, form: PLAIN_NAME_WORDS };
const refused = (remedy: string, ...but: unknown[]): Shape => ({ kind: "refused", remedy, but });
const named = (each: Shape, more: { readonly orNone?: true } = {}): Mapping => ({
  kind: "mapping",
  each,
  ...more,
});
const keys = (
  of: Readonly<Record<string, Shape>>,
  more: { readonly required?: readonly string[]; readonly orNone?: true } = {},
): Mapping => ({ kind: "mapping", keys: of, ...more });

const FINGERPRINT = "40 hexadecimal digits, or `SHA256:` with 43 characters";
const KEYSERVER =
  "fetch the key once (`gpg --recv-keys`), look at its fingerprint, put it (`gpg --armor --export`) into a repository, and name it by `repo` and `path`";
const SOURCE = "name the files that the menu chose: `tsbake kas.yml:option.yml`";

/** With which kas leaves a layer out: the first, and older ones. */
export const DISABLED = ["disabled", "excluded", "n", "no", "0", "false", 0, false];

/** Sections of configuration; one that is empty takes that of an included file away. */
const sections = named(textOrNone);

export const PROJECT: Mapping = keys(
  {
    header: keys(
      {
        version: { kind: "version" },
        includes: {
          kind: "list",
          of: { kind: "either", mapping: keys({ repo: text, file: text }, { required: ["repo", "file"] }) },
        },
      },
      { required: ["version"] },
    ),
    machine: plainName,
    distro: plainName,
    target: { kind: "list", of: text, orOne: true },
    task: plainName,
    env: named(textOrNone),
    repos: named(
      keys(
        {
          name: text,
          url: textOrNone,
          commit: text,
          branch: textOrNone,
          tag: textOrNone,
          path: textOrNone,
          layers: named(
            {
              kind: "words",
              words: DISABLED,
              or: keys({ prio: { kind: "number", least: -99, most: 99 } }),
              orNone: true,
            },
            { orNone: true },
          ),
          patches: named(keys({ repo: text, path: text }, { required: ["path"], orNone: true })),
          type: refused(
            "only git is: use a git mirror of it, or clone it yourself and leave `url` out",
            "git",
          ),
          refspec: text,
          signed: { kind: "words", words: [true, false] },
          allowed_signers: { kind: "list", of: text },
        },
        { orNone: true },
      ),
    ),
    defaults: keys({
      repos: keys({
        branch: text,
        tag: text,
        refspec: text,
        patches: keys({ repo: text }),
      }),
    }),
    overrides: keys({ repos: named(keys({ branch: textOrNone, commit: textOrNone, url: text })) }),
    local_conf_header: sections,
    bblayers_conf_header: sections,
    build_system: refused("metadata of OpenEmbedded is built: remove it", "openembedded", "oe"),
    buildtools: refused("remove it; tools come from recipes, `NAME-native`"),
    artifacts: refused(
      "remove it; what a build leaves is in tmp/deploy, and the last lines of a build name it",
    ),
    signers: named(
      keys(
        {
          type: { kind: "words", words: ["gpg", "ssh"] },
          repo: text,
          path: text,
          fingerprint: {
            kind: "match",
            pattern: /^([0-9A-Fa-f]{40}|SHA256:[A-Za-z0-9+/]{43})$/,
            form: FINGERPRINT,
          },
          gpg_keyserver: refused(KEYSERVER),
        },
        { required: ["repo", "path"] },
      ),
    ),
    proxy_config: refused("remove it and set http_proxy, https_proxy and no_proxy in the environment"),
    menu_configuration: refused(SOURCE),
    _source_dir: refused(SOURCE),
    _source_dir_host: refused(SOURCE),
  },
  { required: ["header"] },
);
