// Throughput: records a second of every node over the last five minutes. A click on a name hides its line.
import { byId, el, say } from "./dom.js";
import { lineChart, roomFor } from "./chart.js";
import { seriesColour, seriesVariable } from "./colours.js";
import { hourAndMinute, rate, short } from "./format.js";

const SPAN = 300; // seconds
const GAP = 15; // seconds without a reading after which the line is broken

let nodes = []; // [{name, field}]: sources by what they produce, the others by what they read
let plot = null;
let times = [];
let lines = [];
let values = []; // elements of the legend

function begin(graph) {
  nodes = graph.nodes.map(({ name, kind }) => ({ name, field: kind === "source" ? "produced_per_s" : "read_per_s" }));
  lines = nodes.map(() => []);
  plot = lineChart(byId("throughput"), nodes.map(({ name }, index) => ({ label: name, variable: seriesVariable(index) })), {
    xScale: { range: () => [(times.at(-1) ?? Date.now() / 1000) - SPAN, times.at(-1) ?? Date.now() / 1000] },
    yScale: { range: (_, low, high) => [0, roomFor(high)] },
    xAxis: { space: 38, incrs: [60, 120, 300], values: (_, ticks) => ticks.map((tick) => hourAndMinute(tick * 1000)) },
    yAxis: { space: 44, values: (_, ticks) => ticks.map(short) },
    hooks: { setCursor: [showValues] },
  });
  byId("throughput-legend").replaceChildren(...nodes.map(legend));
}

function legend({ name }, index) {
  values[index] = el("b");
  const button = el("button", { type: "button", "aria-pressed": "true" }, el("i", { "--colour": seriesColour(index) }), name, values[index]);
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", String(shown));
    plot.setSeries(index + 1, { show: shown });
  });
  return el("li", {}, button);
}

// Under the pointer, or the newest.
function showValues() {
  const at = plot?.cursor.idx ?? times.length - 1;
  values.forEach((node, index) => say(node, rate(lines[index][at] ?? 0)));
}

function push(at, rates) {
  const last = times.at(-1);
  if (last !== undefined && at <= last) return;
  if (last !== undefined && at - last > GAP) add(last + 1, nodes.map(() => null));
  add(at, nodes.map(({ name, field }) => rates[name]?.[field] ?? 0));
  while (times[0] < at - SPAN - GAP) {
    times.shift();
    lines.forEach((line) => line.shift());
  }
}

function add(at, row) {
  times.push(at);
  row.forEach((value, index) => lines[index].push(value));
}

function redraw() {
  plot.setData([times, ...lines]);
  showValues();
}

export function showThroughput(state) {
  if (plot === null) begin(state.graph);
  if (!state.at) return;
  push(Date.parse(state.at) / 1000, state.rates);
  redraw();
}

export function recallThroughput(history) {
  if (plot === null || history.at.length === 0) return;
  times = [];
  lines = nodes.map(() => []);
  history.at.forEach((at, i) => {
    push(at, Object.fromEntries(nodes.map(({ name, field }) => [name, { [field]: history.nodes[name]?.[field][i] }])));
  });
  redraw();
}
