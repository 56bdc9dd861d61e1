import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Datastore, type Value } from "@tsbake/datastore";
import { root } from "../support/paths.js";

/** Values in `read` are what BitBake 2.19 gave for the same calls. */
interface Case {
  readonly case: string;
  readonly do: readonly (readonly [string, ...Value[]])[];
  readonly read: Readonly<Record<string, unknown>>;
}

const cases = JSON.parse(readFileSync(join(root, "tests/golden/datastore/calls.json"), "utf8")) as Case[];

/** Makes the calls; returns the datastore that is current at the end. */
function perform(calls: Case["do"]): Datastore {
  let d = new Datastore();
  const stack: Datastore[] = [];
  for (const [call, ...values] of calls) {
    const [name, second, third] = values as [string, string, string];
    switch (call) {
      case "set":
        d.setVar(name, second);
        break;
      case "assign":
        d.setVar(name, second, { parsing: true });
        break;
      case "append":
        d.appendVar(name, second);
        break;
      case "prepend":
        d.prependVar(name, second);
        break;
      case "del":
        d.delVar(name);
        break;
      case "rename":
        d.renameVar(name, second);
        break;
      case "setFlag":
        d.setVarFlag(name, second, third);
        break;
      case "delFlag":
        d.delVarFlag(name, second);
        break;
      case "appendFlag":
        d.appendVarFlag(name, second, third);
        break;
      case "prependFlag":
        d.prependVarFlag(name, second, third);
        break;
      case "get":
        d.getVar(name);
        break;
      case "expandKeys":
        d.expandKeys();
        break;
      case "copy":
        stack.push(d);
        d = d.createCopy();
        break;
      case "back":
        d = stack.pop()!;
        break;
      default:
        throw new Error(`no call ${call}`);
    }
  }
  return d;
}

function read(d: Datastore, what: string): unknown {
  const [first, second = "", third = "", fourth = ""] = what.split(" ");
  if (what === "keys") return [...d.keys()].sort();
  if (what === "overrides") return d.overrides();
  if (first === "expand") return d.expand(what.slice("expand ".length));
  if (first === "flag") return d.getVarFlag(second, third) ?? null;
  if (what.startsWith("raw flag ")) return d.getVarFlag(third, fourth, { expand: false }) ?? null;
  if (first === "raw") return d.getVar(second, { expand: false }) ?? null;
  if (first === "flags") {
    const flags = d.getVarFlags(second);
    return flags ? Object.fromEntries(flags) : null;
  }
  return d.getVar(what) ?? null;
}

describe("calls, as BitBake answers them", () => {
  test.each(cases.map((one) => [one.case, one] as const))("%s", (_, { do: calls, read: expected }) => {
    const d = perform(calls);
    expect(Object.fromEntries(Object.keys(expected).map((what) => [what, read(d, what)]))).toEqual(expected);
  });
});
