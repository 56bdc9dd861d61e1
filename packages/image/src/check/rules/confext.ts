/** Confext images: whether the base merges any, and what cannot be while one is merged. */
import { extensionReleasePath } from "../../layer/extension-release.js";
import { valuesOf } from "../readers/units.js";
import { entryAt, finding, type CheckRule } from "./rule.js";

/** A part of systemd since 254. */
const MERGER = "/usr/bin/systemd-confext";

export const confext: CheckRule = {
  codes: [
    {
      code: "missing-confext",
      severity: "error",
      meaning:
        "a confext image, and the base has no systemd-confext, which came with systemd 254: nothing merges it",
    },
    {
      code: "read-only-etc",
      severity: "error",
      meaning:
        "a unit writes below /etc (`ConditionPathIsReadWrite=/etc`), as those that make keys at the first boot, and the confext image that comes with the extension makes /etc read-only",
    },
  ],
  *find(context) {
    const { extension, kind, merged, base, units } = context;
    if (kind.word === "confext" && !merged.has(MERGER))
      yield finding(
        "missing-confext",
        "error",
        entryAt(context, extensionReleasePath(extension.name, kind)),
        `${base.name} has no ${MERGER}: nothing merges it there`,
        'take a base with systemd 254 or later, or ship what is below /etc by the factory (SYSEXT_ETC = "factory")',
      );
    if (extension.companion === undefined) return;
    for (const { settings, path } of units) {
      const writes = ["ConditionPathIsReadWrite", "AssertPathIsReadWrite"]
        .flatMap((key) => valuesOf(settings, key))
        .find(({ value }) => /^\|?\/etc(\/|$)/.test(value));
      if (path !== undefined && writes !== undefined)
        yield finding(
          "read-only-etc",
          "error",
          entryAt(context, path),
          "it writes below /etc, which is read-only while the confext is merged: it never starts",
          'ship what is below /etc by the factory (SYSEXT_ETC = "factory"), or have systemd-confext merge with --mutable=yes and allow this finding',
        );
    }
  },
};
