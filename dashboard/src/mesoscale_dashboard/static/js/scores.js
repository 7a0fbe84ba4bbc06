// Scores: the latest alerts with what weighed most, and how the scores of all payments are distributed.
import { byId, el, say } from "./dom.js";
import { count, money, timeOfDay } from "./format.js";

const bars = [];

function begin(bins) {
  byId("scores").hidden = false;
  for (let index = 0; index < bins; index += 1) {
    const made = { up: el("i"), down: el("i") };
    const tick = el("div", { class: "tick" }, index % 5 === 0 ? `${(100 * index) / bins}%` : "");
    byId("score-bars").append(el("div", {}, el("div", { class: "up" }, made.up), tick, el("div", { class: "down" }, made.down)));
    bars.push(made);
  }
}

function line(alert) {
  const cell = (name, text) => el("span", { class: name }, text ?? "–");
  return el("li", { class: alert.fraud_pattern ? "fraud" : null },
    cell("at", timeOfDay(Date.parse(alert.occurred_at))),
    cell("merchant", (alert.reasons || "–").replaceAll(",", ", ")),
    cell("account", alert.account),
    cell("country", `${Math.round(100 * alert.score)}%`),
    cell("amount", money(alert.amount, alert.currency)),
    alert.fraud_pattern ? cell("label", alert.fraud_pattern) : el("span"));
}

// Nearly all scores are close to nothing, so heights are logarithms.
function heights(counts) {
  const top = Math.log1p(Math.max(1, ...counts));
  return counts.map((value) => `${(100 * Math.log1p(value)) / top}%`);
}

export function showScores({ edge, alerts, scores: { passed, flagged } }) {
  if (bars.length === 0) begin(passed.length);
  say(byId("scores-edge"), edge);
  byId("alerts").replaceChildren(...alerts.toReversed().map(line));
  heights(passed).forEach((height, index) => { bars[index].up.style.height = height; });
  heights(flagged).forEach((height, index) => { bars[index].down.style.height = height; });
  const total = (counts) => counts.reduce((sum, value) => sum + value, 0);
  say(byId("passed-count"), count(total(passed)));
  say(byId("flagged-count"), count(total(flagged)));
}
