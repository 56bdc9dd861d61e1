/** What a command of `tsbake` is: what is opened for it, and what it does then. A new one is a file with one of these, and a line in index.ts. */
import type { Build, LockedBuild, OpenOptions } from "@tsbake/engine";
import type { Request } from "../command-line/arguments.js";
import type { Display } from "../display/display.js";
import type { Surroundings } from "../surroundings.js";

/** For standard output, whatever the display is. */
export interface Answer {
  readonly text: string;
  /** The same for programs (`--ui json`). */
  readonly data?: object;
  /** The exit code. Default: all is well. */
  readonly code?: number;
}

/** One command as it was given. */
export interface Asked {
  readonly request: Request;
  readonly around: Surroundings;
  /** How a project would be opened. */
  readonly options: OpenOptions;
}

/** All throw BuildErrors for what cannot be done. */
export interface SessionCommand {
  /** The exit code where it cannot be done. Default: FAILED. */
  readonly failed?: number;
  /** Opens what it needs of a project itself, and lets it go when it likes. @returns the exit code */
  readonly run?: (asked: Asked, display: Display) => Promise<number>;
  /** The answer where no project is needed for it; undefined: it is. */
  readonly answerAlone?: (asked: Asked) => Promise<Answer | undefined>;
  /** What a project is asked, which others may be building meanwhile. */
  readonly answer?: (asked: Asked, build: Build) => Promise<Answer | readonly Answer[]>;
  /** What needs folders of the build for itself. */
  readonly locked?: {
    readonly holds: (request: Request) => "build folder" | "everything";
    /** @returns the exit code */
    readonly run: (asked: Asked, build: LockedBuild, display: Display) => Promise<number>;
  };
}
