/**
 * Starts commands inside namespaces that are open: the process that holds them does it on request. A fork of this process, which is
 * big, and nsenter(1) cost more than most commands; it forks a few pages.
 *
 * It is the first process of its process namespace: no command inside can end it or look into it (pid_namespaces(7); ptrace(2),
 * "access mode checking": it has powers that a command in a cage has not).
 *
 * Frames, numbers big-endian. To it: length of what follows the number of the command (4 bytes), that number (4), then texts with
 * their lengths (4): working folder, count of settings, `NAME=VALUE`…, the command's words. From it: number (4), kind (1), length (4),
 * bytes; kinds are 1: of standard output, 2: of standard error, 3: the end, its wait status (waitpid(2)) in decimal.
 */
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { RunResult } from "@tsbake/base";

/**
 * Perl, after `close_doors` of `doors.ts`, whose arguments are its own. Ends with its standard input, and all that runs with it. A
 * command has no input. What it leaves behind may hold its pipes: they are let go when they say nothing for a second or two, or after
 * ten.
 */
export const SERVE = `
my @doors = splice @ARGV, 0, 5;
my ($requests, %commands, $pause) = ("");
$SIG{CHLD} = sub {};
sub answer {
    my $frame = pack("NCN", $_[0], $_[1], length $_[2]) . $_[2];
    for (my $done = 0; $done < length $frame;) {
        my $some = syswrite STDOUT, $frame, length($frame) - $done, $done;
        defined $some or $! == 4 or exit 1;
        $done += $some // 0;
    }
}
sub start {
    my ($number, $folder, $count, @words) = ($_[0], unpack "(N/a*)*", $_[1]);
    my %settings = map { split /=/, $_, 2 } splice @words, 0, $count;
    my ($pid, $from_out, $out, $from_err, $err);
    unless (pipe($from_out, $out) and pipe($from_err, $err) and defined($pid = fork)) {
        answer $number, 2, "$!\\n";
        return answer $number, 3, 126 << 8;
    }
    if (!$pid) {
        $SIG{CHLD} = "DEFAULT";
        open STDIN, "<", "/dev/null";
        open STDOUT, ">&", $out;
        open STDERR, ">&", $err;
        close_doors(@doors);
        %ENV = %settings;
        if (chdir $folder) { exec { $words[0] } @words }
        else { $words[0] = $folder }
        my $code = $! == 2 ? 127 : 126;
        syswrite STDERR, "$words[0]: $!\\n";
        exit $code;
    }
    $commands{$number} = { pid => $pid, pipes => [[1, $from_out], [2, $from_err]] };
}
while (1) {
    my $wanted = "";
    vec($wanted, 0, 1) = 1;
    for my $command (values %commands) { vec($wanted, fileno $_->[1], 1) = 1 for @{ $command->{pipes} } }
    my $count = select my $ready = $wanted, undef, undef, $pause;
    if ($count > 0 and vec $ready, 0, 1) {
        my $some = sysread STDIN, $requests, 65536, length $requests;
        exit 0 if defined $some ? !$some : $! != 4;
        while (length $requests >= 8) {
            my ($length, $number) = unpack "NN", $requests;
            last if length $requests < 8 + $length;
            start($number, substr $requests, 8, $length);
            substr($requests, 0, 8 + $length) = "";
        }
    }
    if ($count > 0) {
        while (my ($number, $command) = each %commands) {
            my @open;
            for my $pipe (@{ $command->{pipes} }) {
                if (vec $ready, fileno $pipe->[1], 1) {
                    my $some = sysread $pipe->[1], my $bytes, 65536;
                    if (defined $some ? !$some : $! != 4) { close $pipe->[1]; next }
                    $command->{heard} = time;
                    answer $number, $pipe->[0], $bytes if $some;
                }
                push @open, $pipe;
            }
            $command->{pipes} = \\@open;
        }
    }
    while ((my $pid = waitpid -1, 1) > 0) {
        for my $command (grep { $_->{pid} == $pid } values %commands) {
            $command->{status} = $?;
            $command->{ended} = $command->{heard} = time;
        }
    }
    my $is_ending = 0;
    for my $number (keys %commands) {
        my $command = $commands{$number};
        my $is_silent = !@{ $command->{pipes} };
        if (!defined $command->{status}) { $is_ending ||= $is_silent; next }
        next unless $is_silent or time > $command->{heard} + 1 or time > $command->{ended} + 10;
        delete $commands{$number};
        answer $number, 3, $command->{status};
    }
    # Its pipes are closed a moment before it can be waited for, and its signal may come between two calls here.
    $pause = $is_ending ? ($pause && $pause < 0.02 ? $pause * 2 : 0.0005) : %commands ? 0.25 : undef;
}
`;

const [OUT, ERR, END] = [1, 2, 3];
const HEAD_BYTES = 9;

/** What the kernel may refuse to take, or a child would have to read, is not for the server. Bytes. */
const LARGEST_REQUEST = 64 * 1024;

export interface ServedCommand {
  readonly cwd: string;
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The program and its arguments. */
  readonly words: readonly string[];
  /** Called with each piece as it comes. */
  readonly onOutput?: ((text: string, stream: "stdout" | "stderr") => void) | undefined;
}

interface Running extends Pick<ServedCommand, "onOutput"> {
  readonly out: Buffer[];
  readonly err: Buffer[];
  readonly end: (result: Pick<RunResult, "code" | "signal">) => void;
}

/** The side of the server's client: one for each process that serves. */
export class CommandServer {
  readonly #keeper: ChildProcess;
  readonly #running = new Map<number, Running>();
  #last = 0;
  /** Of a frame that has not come whole. */
  #rest: Buffer = Buffer.alloc(0);
  #isGone = false;

  /** @param keeper serves on its standard streams as soon as it gets a line; nobody else listens to its output any more */
  constructor(keeper: ChildProcess) {
    this.#keeper = keeper;
    keeper.stdout?.on("data", (piece: Buffer) => this.#take(piece));
    keeper.on("close", () => {
      this.#isGone = true;
      for (const one of this.#running.values()) one.end({ code: null, signal: "SIGKILL" });
      this.#running.clear();
    });
  }

  /** @returns undefined where the command is too long for a request; its end otherwise, a kill where the server has ended */
  run({ cwd, env, words, onOutput }: ServedCommand): Promise<RunResult> | undefined {
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const texts = [cwd, String(settings.length), ...settings, ...words].map(lengthAndText);
    const payload = Buffer.concat(texts);
    if (payload.length > LARGEST_REQUEST) return undefined;
    const head = Buffer.alloc(8);
    head.writeUInt32BE(payload.length, 0);
    const number = (this.#last += 1);
    head.writeUInt32BE(number, 4);
    return new Promise((resolve) => {
      const [out, err]: [Buffer[], Buffer[]] = [[], []];
      const end: Running["end"] = (how) =>
        resolve({ ...how, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
      if (this.#isGone) {
        end({ code: null, signal: "SIGKILL" });
        return;
      }
      this.#running.set(number, { out, err, end, onOutput });
      const isFirst = number === 1;
      this.#keeper.stdin?.write(Buffer.concat([...(isFirst ? [Buffer.from("serve\n")] : []), head, payload]));
    });
  }

  #take(piece: Buffer): void {
    let bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    while (bytes.length >= HEAD_BYTES) {
      const [number, kind, length] = [bytes.readUInt32BE(0), bytes.readUInt8(4), bytes.readUInt32BE(5)];
      if (bytes.length < HEAD_BYTES + length) break;
      this.#answer(number, kind, bytes.subarray(HEAD_BYTES, HEAD_BYTES + length));
      bytes = bytes.subarray(HEAD_BYTES + length);
    }
    this.#rest = bytes;
  }

  #answer(number: number, kind: number, bytes: Buffer): void {
    const one = this.#running.get(number);
    if (one === undefined) return;
    if (kind === END) {
      this.#running.delete(number);
      one.end(endOf(Number(bytes.toString())));
    } else if (kind === OUT || kind === ERR) {
      (kind === OUT ? one.out : one.err).push(bytes);
      one.onOutput?.(bytes.toString(), kind === OUT ? "stdout" : "stderr");
    }
  }
}

function lengthAndText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** @param status as of waitpid(2) on Linux */
function endOf(status: number): Pick<RunResult, "code" | "signal"> {
  const number = status & 0x7f;
  if (number === 0) return { code: (status >> 8) & 0xff, signal: null };
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  return { code: null, signal: names.find((name) => constants.signals[name] === number) ?? "SIGKILL" };
}
