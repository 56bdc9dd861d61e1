/**
 * From targets and flags to the DAG: numbers instead of names, edges, circles, order.
 */
export { buildTaskGraph } from "./task-graph.js";
