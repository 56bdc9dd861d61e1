/**
 * Where the engine runs code of the metadata: the interpreter, event handlers, setscene functions.
 */
export {};
