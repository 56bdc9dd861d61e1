/**
 * Where the engine runs code of the metadata (the interpreter, event handlers, setscene functions) and what it says of itself.
 */
export { recipeVariables, taskList, showEnvironment } from "./answers.js";
export { MetadataEvents } from "./metadata-events.js";
export { oneRecipe } from "./one-recipe.js";
