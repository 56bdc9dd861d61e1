/** What a Debian package says of itself, without Debian's way of writing it. @see deb-control(5), deb-conffiles(5) */
import { BuildError, nameOf, words } from "@tsbake/base";
import type { ControlFiles } from "../contents/index.js";
import { type Relation, parseRelations, parseStanzas, type Stanza } from "../deb/stanza.js";
import { badDeb } from "../problems.js";

/** Debian's field of each kind of relation. */
const RELATION_FIELDS = {
  preDepends: "Pre-Depends",
  depends: "Depends",
  recommends: "Recommends",
  suggests: "Suggests",
  enhances: "Enhances",
  provides: "Provides",
  replaces: "Replaces",
  conflicts: "Conflicts",
  breaks: "Breaks",
} as const;

/** Groups that all have to hold, each of alternatives. Architecture qualifiers (`:any`) are gone: there is one architecture. */
export type NeutralRelations = Readonly<
  Record<keyof typeof RELATION_FIELDS, readonly (readonly Relation[])[]>
>;

export interface NeutralPackage {
  readonly name: string;
  /** Debian's: `[epoch:]upstream[-revision]`. */
  readonly version: string;
  /** Debian's: `amd64`, `all`. */
  readonly architecture: string;
  readonly isEssential: boolean;
  readonly relations: NeutralRelations;
  /** First line of the description, and the rest with its line ends, unfolded. */
  readonly summary: string;
  readonly description: string;
  readonly section: string;
  readonly priority: string;
  readonly maintainer: string;
  /** "" where there is none. */
  readonly homepage: string;
  readonly license: string;
  readonly source: string;
  /** KiB; 0 where it is not said. */
  readonly installedKilobytes: number;
  /** Absolute paths. */
  readonly conffiles: readonly string[];
  /** Everything of the control archive but `control`: maintainer scripts, triggers, templates, digests. */
  readonly members: ControlFiles;
  /** The fields as they are written. */
  readonly stanza: Stanza;
}

/**
 * @public
 * @param path of the package, for errors
 * @param control its control archive
 * @throws BuildError `packaging/bad-deb`
 */
export function neutralPackage(path: string, control: ControlFiles): NeutralPackage {
  const { stanzas, faults } = parseStanzas(nameOf(control.get("control")?.bytes ?? Buffer.alloc(0)));
  const [stanza] = stanzas;
  const [fault] = faults;
  if (fault) throw new BuildError([badDeb(path, `control line ${fault.line}: ${fault.reason}`)]);
  for (const field of ["Package", "Version", "Architecture"])
    if (!stanza?.get(field)) throw new BuildError([badDeb(path, `its control file has no ${field}`)]);
  const conffiles = nameOf(control.get("conffiles")?.bytes ?? Buffer.alloc(0)).split("\n");
  return {
    ...neutralFields(stanza!),
    conffiles: conffiles.filter((line) => line.startsWith("/")),
    members: new Map([...control].filter(([name]) => name !== "control")),
  };
}

/** What the fields alone say, as an index has them too. */
function neutralFields(stanza: Stanza): Omit<NeutralPackage, "conffiles" | "members"> {
  const of = (field: string): string => stanza.get(field) ?? "";
  const [summary = "", ...rest] = of("Description").split("\n");
  const relations = Object.fromEntries(
    Object.entries(RELATION_FIELDS).map(([kind, field]) => [kind, parseRelations(stanza.get(field))]),
  ) as unknown as NeutralRelations;
  return {
    name: of("Package"),
    version: of("Version"),
    architecture: of("Architecture"),
    isEssential: of("Essential") === "yes",
    relations,
    summary,
    description: rest.map((line) => line.replace(/^\s/, "").replace(/^\.$/, "")).join("\n"),
    section: of("Section"),
    priority: of("Priority"),
    maintainer: of("Maintainer"),
    homepage: of("Homepage"),
    license: of("License"),
    source: words(of("Source"))[0] ?? of("Package"),
    installedKilobytes: Number(/^\d+/.exec(of("Installed-Size"))?.[0] ?? 0),
    stanza,
  };
}
