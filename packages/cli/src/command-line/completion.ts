/** `tsbake completion SHELL`: a script made from the tables of options and commands, so that it cannot lag behind them. */
import { optionTable } from "./arguments.js";
import type { OptionRow } from "./arguments.js";
import { commandTable } from "./commands.js";

export type CompletionShell = "bash" | "zsh" | "fish";

/** What completes an option's value. */
type ValueKind =
  | { readonly kind: "tasks" | "targets" | "files" | "any" }
  | { readonly kind: "words"; readonly words: readonly string[] };

const operandWords = ["bash", "zsh", "fish"];

/** A script for the shell to read; recipes and codes it asks of tsbake when they are completed. */
export function completionScript(shell: CompletionShell): string {
  const text = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell]();
  return `${text}\n`;
}

function valueKind(value: string): ValueKind {
  if (value === "TASK" || value === "TASKS") return { kind: "tasks" };
  if (value.startsWith("TARGET") || value === "RECIPE" || value === "IMAGE") return { kind: "targets" };
  if (value === "HOW") return { kind: "words", words: ["none", "printdiff", "lockedsigs"] };
  if (value === "FILE" || value === "DIR") return { kind: "files" };
  if (value.includes("|")) return { kind: "words", words: value.split("|") };
  return /^[a-z]/.test(value) ? { kind: "words", words: [value] } : { kind: "any" };
}

function namesOf({ short, long }: OptionRow): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${long}`];
}

/** The command whose word is a code: the scripts ask it for all. */
const CODES = "explain";

/** First words of commands, each with the words that may follow; none when targets or codes may. */
function families(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const row of commandTable) {
    const [first, second] = row.words as readonly [string, string?];
    const next = row.action === "completion" ? operandWords : second === undefined ? [] : [second];
    found.set(first, [...(found.get(first) ?? []), ...next]);
  }
  return found;
}

function familiesOfWords(): [first: string, rest: readonly string[]][] {
  return [...families()].filter(([, rest]) => rest.length > 0);
}

function bashScript(): string {
  const cases = optionTable.flatMap((row) => {
    if (row.value === undefined) return [];
    return [`    ${namesOf(row).join("|")}) ${bashWords(valueKind(row.value))} ;;`];
  });
  const commands = [
    ...familiesOfWords().map(([first, rest]) => `    ${first}) words="${rest.join(" ")}" ;;`),
    `    ${CODES}) words=$("\${COMP_WORDS[0]}" ${CODES} 2>/dev/null) ;;`,
  ];
  return `# bash completion of tsbake: eval "$(tsbake completion bash)"
_tsbake() {
    local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=""
    COMPREPLY=()
    # A colon is a word of its own here: \`recipe:do_task\`.
    if [ "$cur" = : ]; then cur=""; prev=:; fi
    case $prev in
    :) words=$("\${COMP_WORDS[0]}" completion tasks 2>/dev/null) ;;
${[...cases, ...commands].join("\n")}
    *)
        case $cur in
        -*) words="${optionTable.flatMap(namesOf).join(" ")}" ;;
        *)
            words=$("\${COMP_WORDS[0]}" completion targets 2>/dev/null)
            if [ "$COMP_CWORD" -eq 1 ]; then words="$words ${[...families().keys()].join(" ")}"; fi
            ;;
        esac
        ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _tsbake tsbake`;
}

function bashWords(value: ValueKind): string {
  switch (value.kind) {
    case "tasks":
    case "targets":
      return `words=$("\${COMP_WORDS[0]}" completion ${value.kind} 2>/dev/null)`;
    case "files":
      return `COMPREPLY=($(compgen -f -- "$cur")); return`;
    case "words":
      return `words="${value.words.join(" ")}"`;
    case "any":
      return "return";
  }
}

function zshScript(): string {
  const options = optionTable.map((row) => {
    const names = namesOf(row);
    const value =
      row.value === undefined ? "" : `:${row.value.replaceAll("|", " ")}:${zshAction(valueKind(row.value))}`;
    const front = names.length > 1 ? `{${names.join(",")}}` : names[0]!;
    return `        '*'${front}${zshQuote(`[${row.help.replaceAll(/[[\]]/g, "\\$&")}]${value}`)}`;
  });
  const commands = [
    ...familiesOfWords().map(([first, rest]) => `        ${first}) compadd -- ${rest.join(" ")}; return ;;`),
    `        ${CODES}) compadd -- $(_call_program codes \${words[1]} ${CODES} 2>/dev/null); return ;;`,
  ];
  return `#compdef tsbake
# zsh completion of tsbake: source <(tsbake completion zsh), after compinit
_tsbake_names() {
    local -a names
    names=(\${(f)"$(_call_program names \${words[1]} completion $1 2>/dev/null)"})
    compadd -- $names
}
_tsbake_tasks() { _tsbake_names tasks }
_tsbake_targets() {
    if (( CURRENT == 3 )); then
        case $words[2] in
${commands.join("\n")}
        esac
    fi
    _tsbake_names targets
    if (( CURRENT == 2 )); then compadd -- ${[...families().keys()].join(" ")}; fi
}
_tsbake() {
    _arguments -s \\
${options.map((line) => `${line} \\`).join("\n")}
        '*:target:_tsbake_targets'
}
compdef _tsbake tsbake`;
}

function zshAction(value: ValueKind): string {
  if (value.kind === "words") return `(${value.words.join(" ")})`;
  return { tasks: "_tsbake_tasks", targets: "_tsbake_targets", files: "_files", any: " " }[value.kind];
}

function zshQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function fishScript(): string {
  const options = optionTable.map((row) => {
    const names = `${row.short === undefined ? "" : ` -s ${row.short}`} -l ${row.long}`;
    const value = row.value === undefined ? "" : fishArguments(valueKind(row.value));
    return `complete -c tsbake${names}${value} -d ${fishQuote(row.help)}`;
  });
  const firsts = [...families().keys()].join(" ");
  const closed = [...familiesOfWords().map(([first]) => first), CODES];
  const commands = familiesOfWords().map(
    ([first, rest]) =>
      `complete -c tsbake -n "__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${rest.join(" ")}" -f -a "${rest.join(" ")}"`,
  );
  return [
    "# fish completion of tsbake: tsbake completion fish | source",
    `complete -c tsbake -n "not __fish_seen_subcommand_from ${closed.join(" ")}" -f -a "(tsbake completion targets 2>/dev/null)"`,
    `complete -c tsbake -n __fish_is_first_arg -f -a "${firsts}"`,
    ...commands,
    `complete -c tsbake -n "__fish_seen_subcommand_from ${CODES}" -f -a "(tsbake ${CODES} 2>/dev/null)"`,
    ...options,
  ].join("\n");
}

function fishArguments(value: ValueKind): string {
  switch (value.kind) {
    case "tasks":
    case "targets":
      return ` -x -a "(tsbake completion ${value.kind} 2>/dev/null)"`;
    case "files":
      return " -r -F";
    case "words":
      return ` -x -a "${value.words.join(" ")}"`;
    case "any":
      return " -x";
  }
}

function fishQuote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
