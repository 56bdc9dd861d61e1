/** Metadata files: half from the grammar, half real ones with mutations. */
import { basename, extname, join } from "node:path";
import { LazyPython, openPython } from "@tsbake/python";
import type { PythonHost } from "@tsbake/datastore";
import fc from "fast-check";
import { root } from "../support/paths.js";
import type { Area, Setup } from "./types.js";
import { classesOf, readCorpus } from "./corpus.js";
import { KINDS, openMetadataCheck, type Kind } from "./metadata-check.js";
import { generatedText } from "./metadata-grammar.js";
import { changes, mutate } from "./metadata-mutation.js";
import { quickPython } from "./metadata-python.js";

interface Case {
  readonly text: string;
  readonly kind: Kind;
  readonly origin: string;
  readonly isTracked: boolean;
  readonly isPython: boolean;
}

export async function openMetadataArea({ seed, corpus, pythonEvery }: Setup): Promise<Area> {
  const files = readCorpus(corpus);
  const check = await openMetadataCheck(classesOf(files), quickPython);
  let real: PythonHost | undefined;
  if (pythonEvery > 0) real = await openRealPython();

  const generated = fc.record({ text: generatedText, kind: fc.constantFrom(...KINDS), tracked: fc.nat(19) });
  const mutated = fc.record({
    file: fc.nat(Math.max(files.length - 1, 0)),
    other: fc.nat(Math.max(files.length - 1, 0)),
    all: changes,
    tracked: fc.nat(19),
  });
  const make = (index: number): Case => {
    const how = { seed: (seed * 1_000_003 + index) | 0, numRuns: 1 };
    // Real Python can do anything to this machine: it gets the grammar's harmless expressions only.
    const isPython = pythonEvery > 0 && index % pythonEvery === 0;
    if (isPython || index % 2 === 0 || files.length === 0) {
      const { text, kind, tracked } = fc.sample(generated, how)[0]!;
      return { text, kind, origin: "grammar", isTracked: tracked === 0, isPython };
    }
    const { file, other, all, tracked } = fc.sample(mutated, how)[0]!;
    const { path, text } = files[file]!;
    const kind = KINDS.find((one) => extname(path) === `.${one}`)!;
    const origin = `${basename(path)}, ${all.map((one) => one.kind).join(" ")}`;
    return { text: mutate(text, all, files[other]!.text), kind, origin, isTracked: tracked === 0, isPython };
  };
  return {
    describe(index) {
      const { text, kind, origin, isPython } = make(index);
      return { title: `.${kind} (${origin}${isPython ? ", Python" : ""})`, text, canShrink: true };
    },
    run(index, text) {
      const one = make(index);
      const python = one.isPython && real ? { python: real } : {};
      return check(text ?? one.text, one.kind, { ...python, isTracked: one.isTracked });
    },
  };
}

async function openRealPython(): Promise<PythonHost> {
  const cache = join(root, "node_modules/.cache/tsbake-python");
  const python = new LazyPython(() => openPython({ cache, onMessage: () => {} }));
  python.mark();
  await python.open();
  return python;
}
