/** Programs that units, D-Bus services, rules of udev and actions of polkit start: whether they are there. */
import { entryAt, finding, type CheckRule } from "./rule.js";

export const programs: CheckRule = {
  codes: [
    {
      code: "missing-program",
      severity: "either",
      meaning:
        "a program is not there that a unit, a D-Bus service, a rule of udev or an action of polkit starts; an error where a unit or service does nothing without it (ExecStartPre=, ExecStart=, Exec=), a warning else. `ExecStart=-/PROGRAM` and a condition on the path say that it may be missing",
    },
  ],
  *find(context) {
    for (const { program, by, word, isVital } of context.programs) {
      if (context.merged.has(program)) continue;
      yield finding(
        "missing-program",
        isVital ? "error" : "warning",
        entryAt(context, by),
        `${word} names ${program}, which neither the extension nor ${context.base.name} has`,
        `add the package that has ${program}, or change the line by a drop-in or a rule of the same name in a package of yours`,
      );
    }
  },
};
