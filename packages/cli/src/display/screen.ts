/** Writing: lines, and below them on a terminal the live part, redrawn in one piece so that it does not flicker. */
import { every } from "@tsbake/base";
import type { Repetition } from "@tsbake/base";
import { Pulse } from "./pulse.js";

/** A stream of the process, or a test's. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  readonly fd?: number;
}

/** Between two redraws, in ms. */
const redrawMs = 100;
const hideCursor = "\u001B[?25l";
const showCursor = "\u001B[?25h";
const eraseLine = "\u001B[K";
const eraseBelow = "\u001B[J";

export class Screen {
  readonly #output: Output;
  /** The live part now; undefined where there is none. */
  readonly #live: ((columns: number, rows: number) => readonly string[]) | undefined;
  readonly #timer: Repetition | undefined;
  #pulse: Pulse | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Lines of the live part that stand above the cursor. */
  #drawn = 0;
  #last = "";
  #mayHide = false;
  #isHidden = false;
  #pending: string[] = [];
  #isSuspended = false;
  #drawnAtMs = 0;

  readonly #onError = (error: unknown): void => void (this.#failure ??= { error });

  constructor(output: Output, live?: (columns: number, rows: number) => readonly string[]) {
    this.#output = output;
    this.#live = live;
    if (live) {
      this.#timer = every(redrawMs, () => this.draw(), { onError: this.#onError, keepsAlive: false });
    }
  }

  /** Adds a line (or several, with line ends) above the live part. */
  line(text: string): void {
    if (!this.#live) {
      this.#output.write(`${text}\n`);
      return;
    }
    this.#pending.push(text);
    if (this.#isSuspended) return;
    // Without the live part in between, many lines are one write.
    if (this.#pending.length > 100) this.draw();
  }

  /** From `true` to `false` nothing is written: the terminal belongs to another program. Lines wait. */
  suspend(isSuspended: boolean): void {
    if (!this.#live) return;
    if (isSuspended) {
      this.#replace([]);
      this.#showCursor();
      this.#last = "";
    }
    this.#isSuspended = isSuspended;
  }

  /** Takes the live part away, until the next redraw: something else is about to write to the terminal. */
  clear(): void {
    if (this.#live) this.#replace([]);
  }

  /** Writes what is left and takes the live part away. @throws what a redraw has thrown meanwhile */
  close(): void {
    if (!this.#live) return;
    this.#timer?.stop();
    this.#replace([]);
    this.#showCursor();
    this.#pulse?.stop();
    if (this.#failure) throw this.#failure.error;
  }

  /** From now on the cursor is hidden while there is a live part: before, a signal may end us without a last word. */
  hideCursor(): void {
    this.#mayHide = true;
  }

  #showCursor(): void {
    if (this.#isHidden) this.#output.write(showCursor);
    this.#isHidden = false;
  }

  /** Now, not at the next tick; writes nothing when nothing has changed. */
  draw(): void {
    if (this.#isSuspended) return;
    const { columns, rows } = this.#output;
    // A terminal that does not know its size says 0.
    this.#replace(this.#live!(columns || 80, rows || 24));
  }

  /** Draws where the timer would have by now. */
  drawIfDue(): void {
    if (this.#live && performance.now() - this.#drawnAtMs >= redrawMs) this.draw();
  }

  #replace(footer: readonly string[]): void {
    this.#drawnAtMs = performance.now();
    const text = footer.join("\n");
    this.#pulse?.beat();
    if (this.#pending.length === 0 && text === this.#last && footer.length === this.#drawn) return;
    const up = this.#drawn > 0 ? `\u001B[${this.#drawn}A` : "";
    const lines = [...this.#pending.flatMap((line) => line.split("\n")), ...footer];
    const hides = this.#mayHide && !this.#isHidden && text !== "";
    if (hides) this.#isHidden = true;
    const hide = hides ? hideCursor : "";
    // A command that is done before there is anything to wait for starts no thread.
    if (footer.length > 0 && this.#output.fd !== undefined)
      this.#pulse ??= new Pulse(this.#output.fd, this.#onError);
    const all = `${hide}${up}${lines.map((line) => `${line}${eraseLine}\n`).join("")}${eraseBelow}`;
    if (this.#pulse) this.#pulse.write(footer.length, () => this.#output.write(all));
    else this.#output.write(all);
    this.#pending = [];
    this.#drawn = footer.length;
    if (text !== "") this.#last = text;
  }
}
