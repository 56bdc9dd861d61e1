/** Extensions that an extension was built on: whether the device has them. systemd-sysext knows nothing of it. */
import { extensionReleasePath } from "../../layer/extension-release.js";
import { entryAt, finding, type CheckRule } from "./rule.js";

export const needs: CheckRule = {
  codes: [
    {
      code: "missing-extension",
      severity: "error",
      meaning:
        "it was built on another extension, which is neither part of the base nor among those that are merged beside it (`--with`)",
    },
    {
      code: "not-taken",
      severity: "error",
      meaning:
        "a base of SYSEXT_ALSO_FOR has another ID, VERSION_ID, SYSEXT_LEVEL or architecture than the one that the extension was built on: systemd-sysext refuses it there",
    },
  ],
  *find(context) {
    const { base, extension } = context;
    for (const name of extension.needs ?? []) {
      if (base.extensions?.includes(name) === true) continue;
      yield finding(
        "missing-extension",
        "error",
        entryAt(context, extensionReleasePath(extension.name, context.kind)),
        `it needs the extension ${name}, and ${base.name} has it not`,
        `put ${name} on the device beside it, and check both: --with ${name}`,
      );
    }
  },
};
