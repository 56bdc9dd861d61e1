/** Tasks as the run queue writes them to `taskdepdata.json`, of which a test names what matters to it. */
import type { TaskDependency } from "@tsbake/base/data";

export function taskDependency(facts: Partial<TaskDependency> & { readonly pn: string }): TaskDependency {
  const { pn, task = "do_build" } = facts;
  const empty = { pv: "1.0", depends: [], provides: [pn], packages: [pn] };
  return {
    id: `${pn}:${task}`,
    label: `${pn}:${task}`,
    task,
    unihash: "0".repeat(64),
    depends: [],
    facts: { ...empty, rdepends: {}, rrecommends: {}, rprovides: {} },
    ...facts,
  };
}
