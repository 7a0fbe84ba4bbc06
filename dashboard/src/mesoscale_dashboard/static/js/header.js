// The header: how it goes in two words, what is wrong in a sentence, and the totals.
import { isBehind } from "./behind.js";
import { byId, say } from "./dom.js";
import { count, rate, timeOfDay } from "./format.js";

const sum = (values) => values.reduce((total, value) => total + value, 0);

function sign(id, tone, text) {
  const node = byId(id);
  node.dataset.tone = tone;
  say(node, text);
}

export function showConnection(connected) {
  if (connected) return; // the state that follows says how it goes
  sign("run-state", "warn", "Connection lost, trying again");
}

function runState(state, arriving) {
  if (state.away.length > 0) return ["warn", "A service is away"];
  if (!state.ledger) return ["quiet", "First reading"];
  if (arriving > 0) return ["good", "Running"];
  return state.ledger.drained ? ["good", "All has arrived"] : ["quiet", "Waiting"];
}

function ledgerState(ledger) {
  if (!ledger) return ["quiet", "Ledger"];
  return ledger.closed ? ["good", "Ledger closed"] : ["bad", "Ledger open"];
}

function showNotice(state) {
  const since = state.at ? ` Shown is what was known at ${timeOfDay(new Date(state.at))}.` : "";
  const notice = byId("notice");
  notice.hidden = state.away.length === 0;
  say(notice, notice.hidden ? "" : `${state.away.join("; ")}.${since}`);
}

function total(id, text, tone = "") {
  say(byId(id), text);
  byId(id).dataset.tone = tone;
}

export function showHeader(state) {
  say(byId("pipeline"), state.pipeline);
  document.title = `${state.pipeline} · Mesoscale`;
  const sources = state.graph.nodes.filter((node) => node.kind === "source").map((node) => node.name);
  const arriving = sum(sources.map((name) => state.rates[name]?.read_per_s ?? 0));
  const moving = sum(Object.values(state.rates).map((rates) => rates.read_per_s));
  sign("run-state", ...runState(state, moving));
  sign("ledger-state", ...ledgerState(state.ledger));
  showNotice(state);
  if (!state.ledger) return;
  const waiting = sum(state.ledger.edges.map((edge) => edge.lag));
  const rejected = sum(Object.values(state.ledger.nodes).map((counts) => counts.rejected));
  total("total-rate", rate(arriving));
  total("total-read", count(sum(sources.map((name) => state.ledger.nodes[name].read))));
  const behind = state.ledger.edges.some((edge) => isBehind(edge, state.rates));
  total("total-waiting", count(waiting), behind ? "warn" : "");
  total("total-rejected", count(rejected), rejected > 0 ? "bad" : "");
  total("total-rows", count(sum(Object.values(state.tables))));
  say(byId("read-at"), `, last at ${timeOfDay(new Date(state.at))}`);
}
