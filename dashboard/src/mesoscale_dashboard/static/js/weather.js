// The weather: a temperature curve per station, and what each observed last.
import { byId, el, say, svg } from "./dom.js";
import { inUtc, join, lineChart } from "./chart.js";
import { seriesColour, seriesVariable } from "./colours.js";
import { dayAndHour, dayOfYear, decimal, monthAndYear } from "./format.js";

let known = ""; // the stations that stand in the page
let plot = null;
const parts = new Map();

function begin(names) {
  plot?.destroy();
  parts.clear();
  byId("weather").hidden = false;
  plot = lineChart(byId("weather-chart"), names.map((name, index) => ({ label: name, variable: seriesVariable(index) })), {
    tzDate: inUtc,
    yScale: { range: (_, low, high) => [Math.floor((low - 1) / 5) * 5, Math.ceil((high + 1) / 5) * 5] },
    xAxis: { values: (_, ticks) => ticks.map((tick) => dayOfYear(tick * 1000)) },
    yAxis: { values: (_, ticks) => ticks.map((tick) => `${String(tick).replace("-", "−")}°`) },
  });
  byId("stations").replaceChildren(...names.map(station));
}

function station(name, index) {
  const made = {
    when: el("span", { class: "when" }),
    degrees: el("span", { class: "degrees" }),
    needle: svg("path", { class: "needle", d: "M20 4l6.5 13h-4.3v18h-4.4V17h-4.3z" }),
    wind: el("span"),
    air: el("span"),
  };
  made.dial = svg("svg", { viewBox: "0 0 40 40", role: "img" }, svg("circle", { class: "dial", cx: 20, cy: 20, r: 18.5 }), made.needle);
  parts.set(name, made);
  return el("li", { "--colour": seriesColour(index) },
    el("span", { class: "code" }, name, made.when), made.degrees, made.dial,
    el("span", { class: "more" }, made.wind, el("br"), made.air));
}

// A direction says where the wind comes from; the arrow points where it goes.
function showWind({ dial, needle, wind }, { wind_direction: from, wind_speed: speed }) {
  const calm = typeof from !== "number" || !(speed > 0);
  dial.classList.toggle("calm", calm);
  if (!calm) needle.style.transform = `rotate(${(from + 180) % 360}deg)`;
  dial.setAttribute("aria-label", calm ? "no wind" : `wind from ${from}°`);
  say(wind, decimal(speed, " m/s"));
}

function showStation(name, { latest }) {
  const made = parts.get(name);
  say(made.when, dayAndHour(Date.parse(latest.observed_at)));
  say(made.degrees, decimal(latest.temperature, "°"));
  showWind(made, latest);
  say(made.air, latest.pressure ? decimal(latest.pressure, " hPa") : `${decimal(latest.relative_humidity, " %")} humid`);
}

export function showWeather({ edge, stations }) {
  say(byId("weather-edge"), edge);
  const names = Object.keys(stations);
  if (names.join() !== known) {
    known = names.join();
    begin(names);
  }
  const tables = names.map((name) => [stations[name].observed_at.map((at) => Date.parse(at) / 1000), stations[name].temperature]);
  const joined = join(tables);
  const from = Math.max(...tables.map(([times]) => times[0])); // the curves begin together
  const first = joined[0].findIndex((at) => at >= from);
  plot.setData(joined.map((column) => column.slice(Math.max(0, first))));
  say(byId("weather-month"), monthAndYear(Math.max(...tables.map(([times]) => times.at(-1))) * 1000));
  for (const name of names) showStation(name, stations[name]);
}
