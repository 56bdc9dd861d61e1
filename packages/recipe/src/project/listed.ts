/** Whether `events` has the class, or any that begins with what stands before its `*`. */
export function isListed(eventClass: string, events: readonly string[] = []): boolean {
  if (events.includes("*") || events.includes(eventClass)) return true;
  return eventClass.endsWith("*") && events.some((one) => one.startsWith(eventClass.slice(0, -1)));
}
