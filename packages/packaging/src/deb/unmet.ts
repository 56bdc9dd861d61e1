/** Why packages do not go together, from what apt prints. */

const VERBS: Readonly<Record<string, string>> = {
  Depends: "depends on",
  PreDepends: "depends on",
  Conflicts: "conflicts with",
  Breaks: "breaks",
};

/** What keeps packages apart, as `apt-get -q` says it: lines such as ` x : Depends: y but it is not installable`. */
export function unmetRelations(said: string): string[] {
  const lines = said.split("\n");
  return lines.filter((line) => /^\s+(\S+ : )?\w+: |^\s+\S.* but (it|\S+) is /.test(line));
}

/** The relation to tell first, as a clause: one that nothing can meet before the others. Undefined when there is none. */
export function headOfUnmet(lines: readonly string[]): string | undefined {
  let who = "";
  const clauses: string[] = [];
  for (const line of lines) {
    const match = /^\s+(?:(\S+) : )?(\w+): (.+?)(?: but (.+?))?(?: or)?$/.exec(line);
    if (!match) continue;
    const [, name, kind = "", what, reason] = match;
    who = name ?? who;
    const verb = VERBS[kind] ?? kind.toLowerCase();
    clauses.push(`\`${who}\` ${verb} \`${what}\`${reason === undefined ? "" : `, but ${reason}`}`);
  }
  return clauses.find((clause) => clause.includes("not installable")) ?? clauses[0];
}
