// The ledger as two tables that add up, with a mark on every line that does.
import { isBehind } from "./behind.js";
import { byId, el, say } from "./dom.js";
import { seriesColour } from "./colours.js";
import { count } from "./format.js";

const rows = new Map(); // key -> {cells, mark}

function row(body, key, head, columns) {
  if (!rows.has(key)) {
    const cells = columns.map(({ label, sign }) => el("td", { "data-label": label, "data-sign": sign }));
    const mark = el("td", { class: "mark" });
    body.append(el("tr", {}, el("th", { scope: "row" }, ...head), ...cells, mark));
    rows.set(key, { cells, mark });
  }
  return rows.get(key);
}

function fill({ cells, mark }, columns, addsUp) {
  columns.forEach(({ value, tone }, index) => {
    const cell = cells[index];
    say(cell, count(value));
    cell.className = value === 0 ? "zero" : (tone ?? "");
  });
  mark.classList.toggle("bad", !addsUp);
  say(mark, addsUp ? "✓" : "≠");
  mark.setAttribute("aria-label", addsUp ? "adds up" : "does not add up");
}

function showNode({ name }, index, counts) {
  const columns = [
    { label: "read", value: counts.read },
    { label: "accepted", sign: "=", value: counts.accepted },
    { label: "rejected", sign: "+", value: counts.rejected, tone: "bad" },
    { label: "late", sign: "+", value: counts.late, tone: "warn" },
  ];
  const head = [el("i", { "--colour": seriesColour(index) }), name];
  const addsUp = counts.read === counts.accepted + counts.rejected + counts.late;
  fill(row(byId("ledger-nodes"), `node ${name}`, head, columns), columns, addsUp);
}

function showEdge(edge, rates) {
  const columns = [
    { label: "produced", value: edge.produced },
    { label: "consumed", sign: "=", value: edge.consumed },
    { label: "waiting", sign: "+", value: edge.lag, tone: isBehind(edge, rates) ? "warn" : "" },
  ];
  const head = [edge.producer, el("span", { class: "to" }, " → "), edge.consumer];
  const addsUp = edge.lag >= 0 && edge.lag <= Math.max(0, edge.offset_lag);
  fill(row(byId("ledger-edges"), `edge ${edge.producer} ${edge.consumer}`, head, columns), columns, addsUp);
}

function showProblems(problems) {
  const list = byId("ledger-problems");
  list.hidden = problems.length === 0;
  if (list.dataset.said === problems.join("\n")) return;
  list.dataset.said = problems.join("\n");
  list.replaceChildren(...problems.map((problem) => el("li", {}, problem)));
}

export function showLedger({ ledger, graph, rates }) {
  if (!ledger) return;
  graph.nodes.forEach((node, index) => showNode(node, index, ledger.nodes[node.name]));
  for (const edge of ledger.edges) showEdge(edge, rates);
  showProblems(ledger.problems);
  say(byId("ledger-sentence"), ledger.closed ? "Every record is accounted for." : "It does not add up:");
}
