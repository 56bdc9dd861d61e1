/** What the engine and its launcher say to each other, as JSON over Node's channel. */

export type ToLauncher =
  | {
      readonly type: "start";
      readonly id: number;
      readonly command: string;
      readonly args: readonly string[];
      readonly cwd: string;
      readonly environment: Readonly<Record<string, string>>;
      /** Appended to; through /proc, so that it may have been removed. */
      readonly log: string;
    }
  /** A process group that the engine has started by itself, to be killed when the engine is gone; and its end. */
  | { readonly type: "guard" | "release"; readonly group: number }
  /** To every group that the launcher has started. */
  | { readonly type: "signal"; readonly signal: NodeJS.Signals };

export type FromLauncher =
  | { readonly type: "started"; readonly id: number; readonly group: number }
  /** From descriptor 3. */
  | { readonly type: "said"; readonly id: number; readonly text: string }
  | {
      readonly type: "ended";
      readonly id: number;
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      /** Names of processes that it left behind. */
      readonly left: readonly string[];
    }
  /** A system error of starting it, and its code (ENOENT). */
  | { readonly type: "failed"; readonly id: number; readonly code: string; readonly message: string };
