export {
  optionTable,
  parseCommand,
  type CommandLine,
  type OptionRow,
  type Request,
  type Ui,
} from "./command-line/arguments.js";
export type { ImagesRequest, MaintenanceRequest } from "./command-line/command-options.js";
export { commandTable, type SessionAction } from "./command-line/commands.js";
export { completionScript, type CompletionShell } from "./command-line/completion.js";
export { ALL_WELL, endedBy, FAILED, NOT_TRIED, WRONG_WORDS } from "./process/exit-code.js";
export { ENDING_SIGNALS } from "./process/signals.js";
export { diagnosticText, failureText, logTail, sortDiagnostics } from "./display/failure-text.js";
export { Footer, type FooterSize } from "./display/footer.js";
export { helpText } from "./command-line/help.js";
export { readEnd } from "./display/log-file.js";
export { Reporter, type Line, type ReporterOptions } from "./display/reporter.js";
export { Screen, type Output } from "./display/screen.js";
export { matrixText, type Matrix, type MatrixRow } from "./text/matrix-text.js";
export { ageText, parseAge, parseSize, sizeText } from "./text/quantities.js";
export { Timeline } from "./events/timeline.js";
export { runSession } from "./session.js";
export type { Surroundings } from "./surroundings.js";
export { duration, listing, plainPaint, taskWords, type Paint } from "./text/text.js";
export { diffText, recordText, whatChangedText } from "./commands/signatures/signature-text.js";
