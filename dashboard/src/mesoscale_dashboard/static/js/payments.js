// Payments: a ticker of those that arrive, which stands still while it is looked at closely, and their amounts.
import { byId, el, say } from "./dom.js";
import { count, money, short, timeOfDay } from "./format.js";

const ROWS = 10;
const PACE = 300; // milliseconds between two payments on the ticker: what an eye can follow
const QUEUE = 12; // payments that wait to be shown; labelled ones stay longest

const queue = [];
const bars = [];
let paused = false;
let begun = false;

function begin() {
  begun = true;
  byId("payments").hidden = false;
  const button = byId("ticker-pause");
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    say(button, paused ? "Paused" : "Pause");
  });
  setInterval(step, PACE);
}

function step() {
  if (paused || queue.length === 0 || byId("ticker").matches(":hover")) return;
  put(queue.shift(), true);
}

function put(payment, isNew) {
  const ticker = byId("ticker");
  ticker.prepend(line(payment, isNew));
  while (ticker.childElementCount > ROWS) ticker.lastElementChild.remove();
}

function line(payment, isNew) {
  const fraud = payment.fraud_pattern;
  const cell = (name, text) => el("span", { class: name }, text ?? "–");
  return el("li", { class: [fraud ? "fraud" : "", isNew ? "new" : ""].join(" ").trim() || null },
    cell("at", timeOfDay(Date.parse(payment.occurred_at))),
    cell("merchant", payment.merchant),
    cell("account", payment.account),
    cell("country", payment.country),
    cell("amount", money(payment.amount, payment.currency)),
    fraud ? cell("label", fraud) : el("span"));
}

function enqueue(payments) {
  queue.push(...payments);
  while (queue.length > QUEUE) {
    const honest = queue.findIndex((payment) => !payment.fraud_pattern);
    queue.splice(honest === -1 ? 0 : honest, 1);
  }
}

function bar(index, perDecade) {
  const made = { up: el("i"), down: el("i") };
  const tick = el("div", { class: "tick" });
  if (index % perDecade === 0) say(tick, short(10 ** (index / perDecade) / 100)); // minor units are hundredths here
  byId("amounts").append(el("div", {}, el("div", { class: "up" }, made.up), tick, el("div", { class: "down" }, made.down)));
  return made;
}

function heights(counts) {
  const top = Math.max(1, ...counts);
  return counts.map((value) => `${(100 * value) / top}%`);
}

// The bins that hold anything, widened to whole decades, so that the axis changes seldom.
function showAmounts({ per_decade: perDecade, honest, labelled }) {
  if (bars.length === 0) honest.forEach((_, index) => bars.push(bar(index, perDecade)));
  const used = honest.map((value, index) => value + labelled[index] > 0);
  const first = Math.floor(used.indexOf(true) / perDecade) * perDecade;
  const last = Math.ceil((used.lastIndexOf(true) + 1) / perDecade) * perDecade;
  [...byId("amounts").children].forEach((child, index) => { child.hidden = index < first || index >= last; });
  heights(honest).forEach((height, index) => { bars[index].up.style.height = height; });
  heights(labelled).forEach((height, index) => { bars[index].down.style.height = height; });
  const total = (counts) => counts.reduce((sum, value) => sum + value, 0);
  say(byId("honest-count"), count(total(honest)));
  say(byId("labelled-count"), count(total(labelled)));
}

export function showPayments({ payments, amounts }) {
  if (!begun) {
    begin();
    payments.slice(-ROWS).forEach((payment) => put(payment, false));
  } else {
    enqueue(payments);
  }
  showAmounts(amounts);
}
