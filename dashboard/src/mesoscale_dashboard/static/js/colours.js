// Colours: one per node or station, the same wherever it appears.
const SERIES = 8;

export const seriesVariable = (index) => `--series-${(index % SERIES) + 1}`;
export const seriesColour = (index) => `var(${seriesVariable(index)})`;

// Canvas knows no CSS variables, so a chart asks for their values and again when the theme changes.
export const valueOf = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();

export const whenThemeChanges = (redraw) => document.addEventListener("themechange", redraw);
