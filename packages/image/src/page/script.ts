/** What the browser does on the page of an image: plain JavaScript of any current one. Names go in as text, never as markup. */
export const IMAGE_SCRIPT = `
"use strict";
const own = JSON.parse(document.getElementById("data").textContent);

// Tables that are sorted by a click on a head: numbers from the biggest on, names from the first letter on.
for (const button of document.querySelectorAll("button.sort")) {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const at = head.cellIndex;
    const body = head.closest("table").tBodies[0];
    const isNumber = body.rows[0]?.cells[at].dataset.value !== undefined;
    const before = head.getAttribute("aria-sort");
    const falls = before === null ? isNumber : before === "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falls ? "descending" : "ascending");
    const value = (row) => (isNumber ? Number(row.cells[at].dataset.value) : row.cells[at].textContent);
    const compare = (one, other) => (value(one) < value(other) ? -1 : value(one) > value(other) ? 1 : 0);
    body.append(...[...body.rows].sort((one, other) => (falls ? compare(other, one) : compare(one, other))));
  });
}

// Rows that have a word, of all tables of a part.
for (const input of document.querySelectorAll("input[data-filters]")) {
  const part = document.getElementById(input.dataset.filters);
  const rows = [...part.querySelectorAll("tbody tr")];
  const groups = [...part.querySelectorAll("details")].map((group) => ({ group, open: group.open }));
  input.addEventListener("input", () => {
    const word = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(word);
    for (const { group, open } of groups) {
      const found = group.querySelector("tbody tr:not([hidden])") !== null;
      group.hidden = !found;
      group.open = word === "" ? open : found;
    }
    const shown = rows.filter((row) => !row.hidden).length;
    input.closest("p").querySelector("[role=status]").textContent =
      word === "" ? "" : shown + " of " + rows.length;
  });
}

function element(name, text, kind) {
  const made = document.createElement(name);
  // Marks that turn the order of letters around, as they may stand in a name.
  if (text !== undefined) made.textContent = text.replaceAll(/[\\u061C\\u200E\\u200F\\u202A-\\u202E\\u2066-\\u2069]/g, "\\uFFFD");
  if (kind) made.className = kind;
  return made;
}
function size(bytes) {
  const most = Math.abs(bytes);
  return most < 996147 ? Math.ceil(most / 1024) + " KiB" : (most / 1048576).toFixed(most < 104857600 ? 1 : 0) + " MiB";
}
function change(bytes) {
  return bytes === 0 ? "the same" : (bytes < 0 ? "−" : "+") + size(bytes);
}
/** A package may be called as what every object has. */
function valueOf(all, name) {
  return Object.hasOwn(all, name) ? all[name] : undefined;
}
function isData(other) {
  return other?.format === 1 && typeof other.contentBytes === "number" && typeof other.packages === "object" && typeof other.outputs === "object";
}

// Against another build: what has become bigger or smaller.
function show(other, title) {
  const rows = [];
  const packages = { ...other.packages, ...own.packages };
  for (const name of Object.keys(packages)) {
    const [now, before] = [valueOf(own.packages, name), valueOf(other.packages, name)];
    if (now && before && now[0] === before[0] && now[1] === before[1]) continue;
    rows.push({ name, now, before, by: (now?.[1] ?? 0) - (before?.[1] ?? 0) });
  }
  rows.sort((one, next) => Math.abs(next.by) - Math.abs(one.by) || (one.name < next.name ? -1 : 1));
  const lines = [["content", own.contentBytes, other.contentBytes]];
  for (const type of Object.keys(own.outputs)) lines.push([type, own.outputs[type], valueOf(other.outputs, type)]);
  const list = element("ul");
  for (const [what, now, before] of lines) {
    const text = before === undefined ? "not there before" : change(now - before) + " (" + size(before) + " → " + size(now) + ")";
    list.append(element("li", what + ": " + text));
  }
  const table = element("table");
  table.setAttribute("aria-label", "Packages that differ");
  const head = table.createTHead().insertRow();
  for (const [text, kind] of [["Package"], ["Size", "number"], ["Before", "wide"], ["Now"]]) {
    const cell = element("th", text, kind);
    cell.scope = "col";
    head.append(cell);
  }
  const body = table.createTBody();
  for (const { name, now, before, by } of rows) {
    const row = body.insertRow();
    row.append(
      element("td", name, "name"),
      element("td", change(by), "number"),
      element("td", before ? before[0] : "not there", "name wide"),
      element("td", now ? now[0] : "gone", "name"),
    );
  }
  document.getElementById("difference").replaceChildren(
    element("p", title + (other.version === own.version ? "" : " Its version is " + other.version + ".")),
    list,
    rows.length > 0 ? table : element("p", "Every package is the same."),
  );
}
function refuse(text) {
  document.getElementById("difference").replaceChildren(element("p", text, "bad"));
}
document.getElementById("other").addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (!file) return;
  let other;
  try {
    const page = new DOMParser().parseFromString(await file.text(), "text/html");
    other = JSON.parse(page.getElementById("data").textContent);
  } catch {
    other = undefined;
  }
  if (!isData(other)) refuse(file.name + " is no page of an image.");
  else if (other.image !== own.image || other.machine !== own.machine)
    refuse(file.name + " is the page of " + other.image + " for " + other.machine + ".");
  else show(other, "Against " + file.name + ".");
});
// The build that was shown here before this one. A browser that keeps nothing for pages has none.
function remembered() {
  try {
    const key = JSON.stringify(["tsbake", own.image, own.machine]);
    const { now, before } = JSON.parse(localStorage.getItem(key)) ?? {};
    if (JSON.stringify(now) === JSON.stringify(own)) return before;
    localStorage.setItem(key, JSON.stringify({ now: own, before: now }));
    return now;
  } catch {
    return undefined;
  }
}
const last = remembered();
if (isData(last)) show(last, "Against the build of it that this browser showed before.");
`;
