/**
 * One metadata file through everything that reads it: parser, evaluation, the end of the recipe, every value and flag
 * expanded, every function scanned, every task signed. Nothing but BuildError (and a skipped recipe) may come out.
 */
import { basename, extname } from "node:path";
import { BuildError, render, Source, type Diagnostic } from "@tsbake/base";
import {
  Datastore,
  evaluateFile,
  explainFailure,
  finalize,
  listTasks,
  scanPython,
  scanShell,
  SkipRecipe,
  type EvaluationHost,
  type PythonHost,
} from "@tsbake/datastore";
import { openBaseSigner } from "@tsbake/graph";
import { parseFile, type ParsedFile } from "@tsbake/language";

export const KINDS = ["bb", "conf", "bbclass", "inc", "bbappend"] as const;
export type Kind = (typeof KINDS)[number];

/** The recipe in which a file that is none itself is used. */
const RECIPES: Readonly<Record<Kind, string>> = {
  bb: "",
  conf: 'require fuzz.conf\nSUMMARY = "${A} ${B}"\n',
  bbclass: 'inherit fuzz\nSUMMARY = "${A} ${B}"\n',
  inc: 'require fuzz.inc\nSUMMARY = "${A} ${B}"\n',
  bbappend: 'A = "a"\nB = "${A}"\ndo_compile() {\n    echo ${A}\n}\naddtask compile\n',
};

const FOLDER = "/layer";
const RECIPE = `${FOLDER}/fuzz_1.0.bb`;

/** What generated files include and inherit. */
const FIXED: Readonly<Record<string, string>> = {
  [`${FOLDER}/one.inc`]: 'A ?= "one"\nA:append = " ${B}"\n',
  [`${FOLDER}/two.inc`]: 'require one.inc\nrequire two.inc\nB = "two"\n',
  [`${FOLDER}/one.conf`]: 'C ??= "conf"\n',
  [`${FOLDER}/classes/base.bbclass`]: "addtask build\ndo_build() {\n    :\n}\n",
  [`${FOLDER}/classes/one.bbclass`]:
    "EXPORT_FUNCTIONS do_x\none_do_x() {\n    echo ${A}\n}\naddtask x before do_build\n",
  [`${FOLDER}/classes/two.bbclass`]: 'inherit one\ndo_x[depends] += "one:do_x"\nOVERRIDES:prepend = "o1:"\n',
  [`${FOLDER}/classes/native.bbclass`]: 'OVERRIDES .= ":class-native"\n',
};

/** Configuration of every case: small, so that a case takes a millisecond. */
const CONFIGURATION = `PN = "fuzz"
PV = "1.0"
PF = "\${PN}-\${PV}"
WORKDIR = "/build/work/\${PF}"
S = "\${WORKDIR}/\${PF}"
B = "\${S}"
D = "\${WORKDIR}/image"
FILESPATH = "\${FILE}/files"
OVERRIDES = "o1:\${PN}:pn-\${PN}"
STAMP = "/build/stamps/\${PF}"
BB_BASEHASH_IGNORE_VARS = "WORKDIR S"
export PATH = "/usr/bin"
`;

/** Opened once a worker. */
export interface MetadataCheck {
  /** @param python undefined: the quick one @throws whatever must not come out */
  (text: string, kind: Kind, options?: { python?: PythonHost; isTracked?: boolean }): Outcome;
}

/** How a case ended, all of them allowed. */
export type Outcome = "accepted" | "refused" | "skipped";

/** How many cases share what the signer learned about texts: for ever would fill the memory. */
const SIGNER_CASES = 2000;

/** @param classes name of the .bbclass file → text, for `inherit` of real classes */
export async function openMetadataCheck(
  classes: ReadonlyMap<string, string>,
  quick: PythonHost,
): Promise<MetadataCheck> {
  const files = new Map(Object.entries(FIXED));
  for (const [name, text] of classes) {
    const path = `${FOLDER}/classes/${name}`;
    if (!files.has(path)) files.set(path, text);
  }
  const parsed = new Map<string, ParsedFile>();
  const parse = (path: string, text: string): ParsedFile =>
    parseFile(new Source(path, text), extname(path) === ".conf" ? "conf" : "recipe");
  const bare: EvaluationHost = { load: () => undefined, python: () => quick, warn: () => {} };
  const bases = [false, true].map((trackHistory) => {
    let python = quick;
    const d = new Datastore({ trackHistory, python: () => python });
    d.setVar("BBPATH", FOLDER);
    d.setVar("__bbclasstype", "recipe");
    evaluateFile(parse(`${FOLDER}/base.conf`, CONFIGURATION), d, bare);
    return { d, use: (one: PythonHost) => (python = one) };
  });
  let signer = await openBaseSigner();
  let count = 0;

  return (text, kind, { python = quick, isTracked = false } = {}) => {
    if (++count % SIGNER_CASES === 0) {
      void openBaseSigner().then((fresh) => {
        signer = fresh;
      });
    }
    const path =
      kind === "bb"
        ? RECIPE
        : kind === "bbclass"
          ? `${FOLDER}/classes/fuzz.bbclass`
          : `${FOLDER}/fuzz.${kind}`;
    const own = new Map([[path, text]]);
    if (kind !== "bb") own.set(RECIPE, RECIPES[kind]);
    const ownParsed = new Map<string, ParsedFile>();
    const seen: Diagnostic[] = [];
    const host: EvaluationHost = {
      load(wanted) {
        const mine = own.get(wanted);
        const [cache, found] = mine === undefined ? [parsed, files.get(wanted)] : [ownParsed, mine];
        if (found === undefined) return undefined;
        let file = cache.get(wanted);
        if (!file) cache.set(wanted, (file = parse(wanted, found)));
        return file;
      },
      python: () => python,
      warn: (diagnostic) => seen.push(diagnostic),
    };
    const base = bases[isTracked ? 1 : 0]!;
    base.use(python);
    const d = base.d.createCopy();
    let outcome: Outcome = "accepted";
    /** Lets pass what metadata may do. */
    const guarded = (work: () => void): boolean => {
      try {
        work();
        return true;
      } catch (raised) {
        // As whoever reads values does: it knows what bb.fatal was called for.
        const error = explainFailure(raised, { what: RECIPE, at: undefined }, host);
        if (error instanceof BuildError) {
          if (error.diagnostics.length === 0) throw new Error("a BuildError says nothing");
          seen.push(...error.diagnostics);
          outcome = "refused";
        } else if (error instanceof SkipRecipe) outcome = "skipped";
        else throw error;
        return false;
      }
    };
    d.setVar("FILE", RECIPE);
    // What is wrong in a file is known before it is used.
    for (const file of own.keys()) seen.push(...host.load(file)!.diagnostics);
    const isRead = guarded(() => {
      evaluateFile(host.load(RECIPE)!, d, host);
      if (kind === "bbappend") evaluateFile(host.load(path)!, d, host);
    });
    // Half a recipe is looked at, too: `-e` shows it.
    const isDone = isRead && guarded(() => finalize(d, host));
    readAll(d, guarded);
    if (isDone) guarded(() => signer.sign(d, [...listTasks(d).keys()]));
    for (const diagnostic of seen) checkDiagnostic(diagnostic);
    return outcome;
  };
}

function readAll(d: Datastore, guarded: (work: () => void) => boolean): void {
  const names: string[] = [];
  guarded(() => names.push(...d.keys()));
  for (const name of names) {
    guarded(() => d.getText(name));
    guarded(() => d.getVarFlags(name, { expand: true }));
    guarded(() => d.rawWithRemoves(name));
    d.placeOf(name);
    d.history(name);
    const body = d.getVarFlag(name, "func", { expand: false }) && d.getVar(name, { expand: false });
    if (typeof body !== "string") continue;
    if (d.getVarFlag(name, "python", { expand: false })) scanPython(body);
    else scanShell(body);
  }
}

/** What the terminal would show must be showable. */
function checkDiagnostic(diagnostic: Diagnostic): void {
  render(diagnostic);
  if (!/^[a-z]+\/[a-z0-9-]+$/.test(diagnostic.code) || diagnostic.message === "") {
    throw new Error(`a problem without code or words: ${JSON.stringify(diagnostic.code)}`);
  }
  for (const at of [diagnostic.at, ...(diagnostic.notes ?? []).map((note) => note.at)]) {
    if (at && !(at.start >= 0 && at.start <= at.end && at.end <= at.source.text.length)) {
      throw new Error(
        `${diagnostic.code} points outside of ${basename(at.source.path)}: ${at.start} to ${at.end}`,
      );
    }
  }
}
