/**
 * The first step of what runs strangers' programs: no open file but 0, 1 and 2, and no key of the caller's keyrings.
 *
 * Node can neither close a range of descriptors nor join a keyring; perl can make system calls, and is in Debian's
 * essential set. A keyring belongs to a user, not to a namespace of processes or mounts: real root in a cage would find
 * root's. A session keyring of its own hides what was in the caller's; a filter of system calls hides the user's.
 */
import { existsSync } from "node:fs";
import { endianness } from "node:os";

/** By its place: a task's PATH has only the tools that tasks may call. */
const PERL = "/usr/bin/perl";

/** Numbers of system calls; `keys` is the first of add_key, request_key and keyctl, which follow each other everywhere. */
interface Calls {
  readonly keys: number;
  readonly seccomp: number;
  readonly prctl: number;
  /** As audit(7) calls the machine. */
  readonly machine: number;
  /** The same kernel's other numbers: those of 32-bit programs. */
  readonly other?: { readonly machine: number; readonly keys: number };
}

const I386 = { machine: 0x4000_0003, keys: 286 };
const ARM = { machine: 0x4000_0028, keys: 309 };
const CALLS: Readonly<Record<string, Calls>> = {
  x64: { machine: 0xc000_003e, keys: 248, seccomp: 317, prctl: 157, other: I386 },
  ia32: { ...I386, seccomp: 354, prctl: 172 },
  arm64: { machine: 0xc000_00b7, keys: 217, seccomp: 277, prctl: 167, other: ARM },
  arm: { ...ARM, seccomp: 383, prctl: 172 },
  riscv64: { machine: 0xc000_00f3, keys: 217, seccomp: 277, prctl: 167 },
  loong64: { machine: 0xc000_0102, keys: 217, seccomp: 277, prctl: 167 },
};

/**
 * Its arguments: the first descriptor to close; keyctl's number; prctl's, where what loses its parent is to become a child of the
 * command, or 0; seccomp's; the filter, or empty. A kernel without keyrings or filters refuses: it has no keys, or the session
 * keyring is what there is.
 *
 * @see prctl(2), PR_SET_CHILD_SUBREAPER
 */
const CLOSE_DOORS = `
sub close_doors {
    my ($first, $keyctl, $prctl, $seccomp, $hex) = @_;
    syscall 436, $first + 0, 4294967295, 0;
    syscall $keyctl + 0, 1, 0 if $keyctl;
    syscall $prctl + 0, 36, 1, 0, 0, 0 if $prctl;
    if ($hex) {
        my $filter = pack "H*", $hex;
        my $program = pack "S x![P] P", length($filter) / 8, $filter;
        syscall $seccomp + 0, 1, 4, $program;
    }
}
`;
/** Those arguments, then the command. */
const SHUT = `${CLOSE_DOORS}
close_doors(splice @ARGV, 0, 5);
exec { $ARGV[0] } @ARGV or print STDERR "$ARGV[0]: $!\\n";
exit 127;
`;

/**
 * Words in front of a command in a namespace of ours, where we are root: it begins with 0, 1 and 2, and system calls for
 * keys are not there for it and its children (ENOSYS, as of a kernel without keyrings).
 */
export function shut(): readonly string[] {
  return [PERL, "-e", SHUT, ...doors()];
}

/** The same for each command that `script` starts: perl with `close_doors` and, as the script's first arguments, those of it. */
export function shutting(script: string): readonly string[] {
  return [PERL, "-e", CLOSE_DOORS + script, ...doors()];
}

function doors(): readonly string[] {
  const calls = CALLS[process.arch];
  const numbers = calls ? [calls.keys + 2, 0, calls.seccomp] : [0, 0, 0];
  return ["3", ...numbers.map(String), calls ? filterOf(calls).toString("hex") : ""];
}

/**
 * The same for a process of ours that starts bodies of tasks, with a session keyring of its own and no filter (which
 * would take sudo from them). What bodies leave behind, also in sessions of its own, becomes its child. Empty where there is
 * no perl.
 *
 * @param first the first descriptor that it was not given
 */
export function shutFrom(first: number): readonly string[] {
  if (!existsSync(PERL)) return [];
  const calls = CALLS[process.arch];
  const numbers = calls ? [calls.keys + 2, calls.prctl] : [0, 0];
  return [PERL, "-e", SHUT, String(first), ...numbers.map(String), "0", ""];
}

/**
 * $1: prctl's number; then the command, whose end is waited for and handed on. What it has left in other process groups is
 * ended and named on descriptor 3.
 */
const REAP = `
syscall shift(@ARGV) + 0, 36, 1, 0, 0, 0;
defined(my $child = fork) or exit 127;
if (!$child) {
    exec { $ARGV[0] } @ARGV or print STDERR "$ARGV[0]: $!\\n";
    exit 127;
}
$SIG{$_} = "IGNORE" for qw(HUP INT TERM);
waitpid $child, 0;
my $status = $?;
my %names;
for (1 .. 100) {
    1 while waitpid(-1, 1) > 0;
    my @left;
    if (open my $file, "<", "/proc/self/task/$$/children") {
        @left = grep { getpgrp($_) != getpgrp(0) } split " ", <$file> // "";
    }
    last unless @left;
    for my $pid (@left) {
        open my $file, "<", "/proc/$pid/comm" or next;
        chomp(my $name = <$file> // "");
        $names{$name} = 1;
    }
    kill "KILL", @left;
    select undef, undef, undef, 0.01;
}
if (%names and open my $messages, ">&=", 3) {
    print $messages "left ", join("/", sort keys %names), "\\0";
}
if ($status & 127) {
    $SIG{$_} = "DEFAULT" for qw(HUP INT TERM);
    kill $status & 127, $$;
}
exit $status >> 8;
`;

/** Words in front of a command: what it leaves in sessions of its own ends with it. Empty where that cannot be done. */
export function reaping(): readonly string[] {
  const calls = CALLS[process.arch];
  return calls && existsSync(PERL) ? [PERL, "-e", REAP, String(calls.prctl)] : [];
}

const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const AND = 0x54;
const RETURN = 0x06;
const ALLOW = 0x7fff_0000;
const ENOSYS = 0x0005_0026;

/** For seccomp(2): `sock_filter` after `sock_filter`. */
function filterOf({ machine, keys, other }: Calls): Buffer {
  // x32 programs say x64's numbers with this bit.
  const plain = ~0x4000_0000 >>> 0;
  const second = other ?? { machine, keys };
  return Buffer.concat([
    step(LOAD, 4),
    step(JUMP_IF_EQUAL, machine, 2, 0),
    step(JUMP_IF_EQUAL, second.machine, 5, 0),
    step(RETURN, ALLOW),
    step(LOAD, 0),
    step(AND, plain),
    step(JUMP_IF_AT_LEAST, keys, 0, 5),
    step(JUMP_IF_AT_LEAST, keys + 3, 4, 3),
    step(LOAD, 0),
    step(JUMP_IF_AT_LEAST, second.keys, 0, 2),
    step(JUMP_IF_AT_LEAST, second.keys + 3, 1, 0),
    step(RETURN, ENOSYS),
    step(RETURN, ALLOW),
  ]);
}

function step(code: number, value: number, whenTrue = 0, whenFalse = 0): Buffer {
  const bytes = Buffer.from(new Uint8Array([0, 0, whenTrue, whenFalse, 0, 0, 0, 0]));
  if (endianness() === "LE") {
    bytes.writeUInt16LE(code, 0);
    bytes.writeUInt32LE(value, 4);
  } else {
    bytes.writeUInt16BE(code, 0);
    bytes.writeUInt32BE(value, 4);
  }
  return bytes;
}
