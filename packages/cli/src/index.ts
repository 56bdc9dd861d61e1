export {
  optionTable,
  parseCommand,
  type CommandLine,
  type OptionRow,
  type Request,
  type Ui,
} from "./arguments.js";
export type { ImagesRequest, MaintenanceRequest } from "./command-options.js";
export { commandTable, type SessionAction } from "./commands.js";
export { completionScript, type CompletionShell } from "./completion.js";
export { ALL_WELL, endedBy, FAILED, NOT_TRIED, WRONG_WORDS } from "./exit-code.js";
export { ENDING_SIGNALS } from "./signals.js";
export { diagnosticText, failureText, logTail, sortDiagnostics } from "./failure-text.js";
export { Footer, type FooterSize } from "./footer.js";
export { helpText } from "./help.js";
export { readEnd } from "./log-file.js";
export { Reporter, type Line, type ReporterOptions } from "./reporter.js";
export { Screen, type Output } from "./screen.js";
export { ageText, parseAge, parseSize, sizeText } from "./quantities.js";
export { Timeline } from "./timeline.js";
export { runSession, type Surroundings } from "./session.js";
export { duration, listing, plainPaint, taskWords, type Paint } from "./text.js";
export { diffText, recordText, whatChangedText } from "./signature-text.js";
