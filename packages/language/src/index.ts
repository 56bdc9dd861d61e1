export { isOldName } from "./names.js";
export { parseFile } from "./parse.js";
export type {
  AddFragments,
  AddHandler,
  AddPythonLibrary,
  AddTask,
  Assignment,
  AssignmentOperator,
  DeleteTask,
  Export,
  ExportFunctions,
  FileKind,
  FunctionDefinition,
  Include,
  Inherit,
  ParsedFile,
  PythonDefinition,
  Statement,
  Unset,
} from "./statement.js";
