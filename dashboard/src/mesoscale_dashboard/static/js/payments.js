// Payments: a ticker of those that arrive, which stands still while it is looked at closely, and their amounts.
import { byId, el, say } from "./dom.js";
import { count, money, short, timeOfDay } from "./format.js";

const ROWS = 10;
const PACE = 300; // milliseconds between two payments on the ticker: what an eye can follow
const LABELLED_EVERY = 4; // at most each fourth line is a labelled one, however many there are
const QUEUE = ROWS; // payments of either kind that wait to be shown; the oldest go

const honest = [];
const labelled = [];
const bars = [];
let paused = false;
let begun = false;
let shown = 0;

function begin() {
  begun = true;
  byId("payments").hidden = false;
  const button = byId("ticker-pause");
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    say(button, paused ? "Paused" : "Pause");
  });
}

function step(isNew = true) {
  if (paused || byId("ticker").matches(":hover")) return;
  const payment = next();
  if (payment) put(payment, isNew);
}

function next() {
  shown += 1;
  const turn = shown % LABELLED_EVERY === 0;
  return (turn ? labelled.pop() : undefined) ?? honest.shift();
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
    cell("merchant", `${payment.category} · ${payment.merchant}`),
    cell("account", payment.account),
    cell("country", payment.country),
    cell("amount", money(payment.amount, payment.currency)),
    fraud ? cell("label", fraud) : el("span"));
}

function enqueue(payments) {
  for (const payment of payments) (payment.fraud_pattern ? labelled : honest).push(payment);
  for (const waiting of [honest, labelled]) waiting.splice(0, waiting.length - QUEUE);
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
function showAmounts({ per_decade: perDecade, honest: up, labelled: down }) {
  if (bars.length === 0) up.forEach((_, index) => bars.push(bar(index, perDecade)));
  const used = up.map((value, index) => value + down[index] > 0);
  const first = Math.floor(used.indexOf(true) / perDecade) * perDecade;
  const last = Math.ceil((used.lastIndexOf(true) + 1) / perDecade) * perDecade;
  [...byId("amounts").children].forEach((child, index) => { child.hidden = index < first || index >= last; });
  heights(up).forEach((height, index) => { bars[index].up.style.height = height; });
  heights(down).forEach((height, index) => { bars[index].down.style.height = height; });
  const total = (counts) => counts.reduce((sum, value) => sum + value, 0);
  say(byId("honest-count"), count(total(up)));
  say(byId("labelled-count"), count(total(down)));
}

export function showPayments({ edge, payments, amounts }) {
  say(byId("payments-edge"), edge);
  if (!begun) {
    begin();
    enqueue(payments);
    for (let i = 0; i < ROWS; i += 1) step(false);
    setInterval(step, PACE);
  } else {
    enqueue(payments);
  }
  showAmounts(amounts);
}
