/** What every phase of a build after the parse goes by. Shapes only. */
import type { Diagnostic } from "@tsbake/base";
import type { ProjectFile } from "@tsbake/project";
import type { ParsedProject, Providers } from "@tsbake/recipe";
import type { EngineEvent } from "../events.js";
import type { BuildPython } from "../metadata/python.js";
import type { SignedPrograms } from "../settings/programs.js";

export interface BuildContext {
  readonly topdir: string;
  readonly project: ParsedProject;
  readonly providers: Providers;
  /** The caller's, with what the project file adds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly python: BuildPython;
  readonly projectFile: ProjectFile | undefined;
  readonly programs: SignedPrograms;
  /** Ms since epoch: what has changed since then was perhaps not read as it is now. */
  readonly parsedAtMs: number;
  readonly onEvent: (event: EngineEvent) => void;
  readonly onWarning: (diagnostic: Diagnostic) => void;
}
