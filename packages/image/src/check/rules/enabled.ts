/** Units that want to be enabled, and whose package's scripts, which would have done it, did not run. */
import type { Context } from "../context.js";
import type { Unit } from "../readers/units.js";
import { valuesOf } from "../readers/units.js";
import { finding, type CheckRule } from "./rule.js";

export const enabled: CheckRule = {
  codes: [
    {
      code: "never-started",
      severity: "warning",
      meaning:
        "a unit has WantedBy= or RequiredBy= and nothing enables it, because the scripts of its package, which would have, did not run",
    },
  ],
  *find(context) {
    const { extension } = context;
    const skipped = extension.skippedScripts ?? new Set<string>();
    if (skipped.size === 0) return;
    const started = startedNames(context);
    // Of a service and what can start it in its place, scripts enable one.
    const instead = new Set(
      context.units.flatMap(({ name, settings }) =>
        name.endsWith(".service") && valuesOf(settings, "WantedBy").length > 0 ? activators(name) : [],
      ),
    );
    for (const unit of context.units) {
      if (instead.has(unit.name)) continue;
      const entry = unit.path === undefined ? undefined : extension.tree.index.get(unit.path);
      if (entry?.package === undefined || !skipped.has(entry.package)) continue;
      const wanted = [...valuesOf(unit.settings, "WantedBy"), ...valuesOf(unit.settings, "RequiredBy")];
      // An instance of a template is somebody's decision.
      if (wanted.length === 0 || unit.name.includes("@") || isStarted(unit, started)) continue;
      yield finding(
        "never-started",
        "warning",
        entry,
        `it is wanted by ${wanted.map(({ value }) => value).join(" ")}, and nothing enables it`,
        `set SYSEXT_SCRIPTS to \`merged\`, or have a recipe ship the link /usr/lib/systemd/system/${wanted[0]?.value.split(" ")[0] ?? ""}.wants/${unit.name}`,
      );
    }
  },
};

/** Names that a link enables, or another unit pulls in. */
function startedNames({ extension, base, units, tmpfiles }: Context): Set<string> {
  const names = new Set<string>();
  const paths = [
    ...[...extension.tree.entries()].map(({ path }) => path),
    ...[...base.index.entries()].map(({ path }) => path),
    ...tmpfiles.flatMap(({ lines }) => lines.map(({ path }) => path)),
  ];
  for (const path of paths) {
    const [, name] =
      /\/systemd\/(?:system|user)\/[^/]+\.(?:wants|requires|upholds)\/([^/]+)$/.exec(path) ?? [];
    if (name !== undefined) names.add(name);
  }
  for (const unit of units) {
    for (const { key, value } of unit.settings)
      if (/^(Wants|Requires|Upholds|BindsTo|Unit|Service|OnFailure|OnSuccess)$/.test(key))
        for (const name of value.split(/\s+/)) names.add(name);
  }
  return names;
}

/** By itself, or by the socket, timer or path of its name. */
function isStarted({ name }: Unit, started: ReadonlySet<string>): boolean {
  return started.has(name) || activators(name).some((one) => started.has(one));
}

function activators(name: string): string[] {
  const stem = name.replace(/\.[a-z]+$/, "");
  return [".socket", ".timer", ".path"].map((kind) => stem + kind);
}
