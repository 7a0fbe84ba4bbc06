// Charts: uPlot in the page's colours, as wide as their place, drawn anew when the theme changes.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { valueOf, whenThemeChanges } from "./colours.js";

const FONT = "12px Inter, system-ui, sans-serif";

function axis(more) {
  return {
    stroke: () => valueOf("--ink-faint"),
    font: FONT,
    grid: { stroke: () => valueOf("--line"), width: 1 },
    ticks: { show: false },
    ...more,
  };
}

// `series` is [{label, variable}]; `options` may set y, x and hooks. Returns {setData, setSeries, destroy}.
export function lineChart(place, series, options) {
  const plot = new uPlot(
    {
      width: Math.max(120, place.clientWidth),
      height: place.clientHeight,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
      scales: { x: { time: true, ...options.xScale }, y: options.yScale },
      axes: [axis({ size: 30, space: 72, ...options.xAxis }), axis({ size: 46, gap: 6, ...options.yAxis })],
      series: [{}, ...series.map(({ label, variable }) => ({
        label, stroke: () => valueOf(variable), width: 2, points: { show: false }, spanGaps: false,
      }))],
      hooks: options.hooks ?? {},
      ...(options.tzDate ? { tzDate: options.tzDate } : {}),
    },
    [[], ...series.map(() => [])],
    place,
  );
  const fit = new ResizeObserver(() => plot.setSize({ width: Math.max(120, place.clientWidth), height: place.clientHeight }));
  fit.observe(place);
  whenThemeChanges(() => plot.redraw());
  document.fonts.ready.then(() => plot.redraw());
  return plot;
}

export const join = uPlot.join;
export const inUtc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");

// The next of 1, 2, 5, 10, 20, 50, ... at or above: a scale that changes seldom does not jump.
export function roomFor(value) {
  if (!(value > 0)) return 10;
  const decade = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * decade).find((top) => top >= value);
}
