// The graph: nodes with what they counted, edges with what flows and what waits. Side by side, or on a phone as a list.
import { isBehind } from "./behind.js";
import { byId, say, svg } from "./dom.js";
import { seriesColour } from "./colours.js";
import { count, megabytes, rate } from "./format.js";

const WIDE = 680; // pixels; with less room the nodes stand in a list
const LEAST = 200; // with less there is nothing to see
const BOX = { height: 92, gapY: 18, maxWidth: 250, minGap: 110 };
const LIST = { height: 88, gapY: 12, indent: 18 };

const LABEL = 92; // the last pixels of an edge are level: there stand its numbers

let drawn = null; // {graph, width, nodes, edges}: what stands in the page, by name
let latest = null;
let usage = {};

// Where every node stands, in pixels: name -> {x, y, width, height}.
function wideBoxes(nodes, width) {
  const columns = Math.max(...nodes.map((node) => node.place.column)) + 1;
  const boxWidth = Math.min(BOX.maxWidth, (width - (columns - 1) * BOX.minGap) / columns);
  const step = columns > 1 ? (width - boxWidth) / (columns - 1) : 0;
  return new Map(nodes.map(({ name, place }) => [name, {
    x: place.column * step, y: place.row * (BOX.height + BOX.gapY) + 1, width: boxWidth, height: BOX.height,
  }]));
}

function listBoxes(nodes, width) {
  return new Map(nodes.map(({ name, place }) => {
    const x = place.depth * LIST.indent;
    return [name, { x, y: place.order * (LIST.height + LIST.gapY) + 1, width: width - x - 1, height: LIST.height }];
  }));
}

function widePath(from, to) {
  const [x1, y1, x2, y2] = [from.x + from.width, from.y + from.height / 2, to.x, to.y + to.height / 2];
  const [flat, bend] = [x2 - LABEL, (x2 - LABEL - x1) * 0.5];
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${flat - bend} ${y2} ${flat} ${y2}H${x2}`;
}

function listPath(from, to) {
  const [x, y1, y2] = [from.x + LIST.indent / 2, from.y + from.height, to.y + to.height / 2];
  return `M${x} ${y1}V${y2 - 9}Q${x} ${y2} ${to.x} ${y2}`;
}

function text(className, x, y, anchor = "start") {
  return svg("text", { class: className, x, y, "text-anchor": anchor });
}

// A text cut to so many pixels, at about six and a half a letter.
function fitting(words, pixels) {
  const letters = Math.max(4, Math.floor(pixels / 6.5));
  return words.length > letters ? `${words.slice(0, letters - 1)}…` : words;
}

function drawNode(node, index, box, wide) {
  const right = box.x + box.width - 14;
  const parts = {
    count: text("count", box.x + 18, box.y + 52),
    rate: text("rate", box.x + 18, box.y + 74),
    rejected: text("rejected", right, box.y + 74, "end"),
    waiting: text("waiting", right, box.y + 52, "end"),
    more: svg("title"),
  };
  const name = text("name", box.x + 18, box.y + 25);
  const what = text("what", right, box.y + 25, "end");
  say(name, node.name);
  say(what, fitting(node.what, box.width - 48 - node.name.length * 8));
  const group = svg("g", {},
    parts.more,
    svg("rect", { class: "box", x: box.x, y: box.y, width: box.width, height: box.height, rx: 11 }),
    svg("rect", { x: box.x, y: box.y + 14, width: 4, height: box.height - 28, rx: 2, fill: seriesColour(index) }),
    name, what, parts.count, parts.rate, parts.rejected,
  );
  if (!wide) group.append(parts.waiting);
  return { group, parts };
}

function drawEdge(from, to, index, wide) {
  const d = wide ? widePath(from, to) : listPath(from, to);
  const parts = {
    pipe: svg("path", { class: "pipe", d, stroke: seriesColour(index) }),
    flow: svg("path", { class: "flow", d, stroke: seriesColour(index) }),
    rate: text("rate", to.x - 12, to.y + to.height / 2 - 12, "end"),
    waiting: text("waiting", to.x - 12, to.y + to.height / 2 + 23, "end"),
  };
  const group = svg("g", {}, parts.pipe, parts.flow);
  if (wide) group.append(parts.rate, parts.waiting);
  return { group, parts };
}

function draw(graph, width) {
  const wide = width >= WIDE;
  const boxes = wide ? wideBoxes(graph.nodes, width) : listBoxes(graph.nodes, width);
  const height = Math.max(...[...boxes.values()].map((box) => box.y + box.height)) + 1;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": "The pipeline as a graph; the ledger below has the same numbers as a table" });
  const edges = new Map();
  const indexOf = new Map(graph.nodes.map((node, index) => [node.name, index]));
  for (const edge of graph.edges) {
    for (const consumer of edge.consumers) {
      const one = drawEdge(boxes.get(edge.producer), boxes.get(consumer), indexOf.get(edge.producer), wide);
      edges.set(`${edge.producer} ${consumer}`, one.parts);
      picture.append(one.group);
    }
  }
  const nodes = new Map();
  graph.nodes.forEach((node, index) => {
    const one = drawNode(node, index, boxes.get(node.name), wide);
    nodes.set(node.name, one.parts);
    picture.append(one.group);
  });
  byId("graph").replaceChildren(picture);
  return { graph, width, nodes, edges };
}

// What a node is known by: rows of a table, records of everything else.
function amount(node, counts, tables) {
  if (node.name in tables) return `${count(tables[node.name])} rows`;
  if (node.what === "webhook") return `${count(counts.produced)} delivered`;
  return node.kind === "sink" ? `${count(counts.produced)} stored` : `${count(counts.produced)} records`;
}

function fillNode(parts, node, state) {
  const counts = state.ledger.nodes[node.name];
  const rates = state.rates[node.name] ?? { read_per_s: 0 };
  say(parts.count, amount(node, counts, state.tables));
  say(parts.rate, rates.read_per_s > 0 ? `${rate(rates.read_per_s)}/s` : "at rest");
  parts.rate.classList.toggle("calm", !(rates.read_per_s > 0));
  say(parts.rejected, counts.rejected > 0 ? `${count(counts.rejected)} rejected` : "");
  const used = usage[node.name];
  const processes = used ? `\n${used.processes} × ${megabytes(used.resident_bytes / used.processes)}, ${(used.cpu * 100).toFixed(1)} % of a core` : "";
  say(parts.more, `${node.name}: ${count(counts.read)} read, ${count(counts.accepted)} accepted, ${count(counts.rejected)} rejected, ${count(counts.late)} late${processes}`);
}

function fillEdge(parts, reading, state) {
  const flowing = state.rates[reading.consumer]?.read_per_s ?? 0;
  const width = 2 + 2 * Math.log10(1 + flowing);
  parts.pipe.style.strokeWidth = `${width}px`;
  parts.flow.style.strokeWidth = `${Math.max(3, width - 2)}px`;
  parts.flow.classList.toggle("on", flowing > 0);
  say(parts.rate, flowing > 0 ? `${rate(flowing)}/s` : "");
  for (const waiting of [parts.waiting, drawn.nodes.get(reading.consumer).waiting]) {
    say(waiting, reading.lag > 0 ? `${count(reading.lag)} waiting` : "");
    waiting.classList.toggle("behind", isBehind(reading, state.rates));
  }
}

export function showGraph(state) {
  latest = state;
  const width = Math.floor(byId("graph").clientWidth);
  if (width < LEAST) return; // the page is not laid out yet; it is drawn when its place changes its size
  if (drawn === null || drawn.width !== width || JSON.stringify(drawn.graph) !== JSON.stringify(state.graph)) {
    drawn = draw(state.graph, width);
  }
  if (!state.ledger) return;
  for (const node of state.graph.nodes) fillNode(drawn.nodes.get(node.name), node, state);
  for (const edge of state.ledger.edges) fillEdge(drawn.edges.get(`${edge.producer} ${edge.consumer}`), edge, state);
}

export function showProcesses(found) {
  usage = found;
}

new ResizeObserver(() => latest && showGraph(latest)).observe(byId("graph"));
