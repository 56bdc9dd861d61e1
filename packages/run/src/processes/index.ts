/**
 * The processes of task bodies: who starts them, in which groups, and how they end.
 */
export {};
