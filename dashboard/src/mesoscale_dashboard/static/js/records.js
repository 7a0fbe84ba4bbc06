// Records of contracts that have no section of their own: the latest of each edge, as a table.
import { byId, el } from "./dom.js";
import { plain } from "./format.js";

const tables = new Map();

function begin(edge, columns) {
  byId("records").hidden = false;
  const body = el("tbody");
  const head = el("tr", {}, ...columns.map((column) => el("th", { scope: "col" }, column)));
  const table = el("table", {}, el("thead", {}, head), body);
  byId("records-list").append(el("div", { class: "edge" },
    el("h3", {}, edge),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Records of ${edge}` }, table)));
  tables.set(edge, body);
}

function written(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return plain(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function showRecords({ edge, columns, records }) {
  if (!tables.has(edge)) begin(edge, columns);
  tables.get(edge).replaceChildren(...records.toReversed().map((record) =>
    el("tr", {}, ...columns.map((column) => el("td", {}, written(record[column]))))));
}
