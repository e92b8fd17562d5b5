/** What all plots share: colours, font and axes of Vega-Lite specifications. */

/**
 * Okabe and Ito's colour-blind-safe palette. The report's style sheet finds these very values in the SVG
 * and replaces them in dark mode, so each has one meaning.
 */
export const colours = {
  ink: "#24292f",
  quiet: "#57606a",
  grid: "#dfe3e8",
  first: "#0072b2",
  second: "#d55e00",
  third: "#009e73",
} as const;

const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

export const chartConfig = {
  font,
  background: "transparent",
  aria: false,
  view: { stroke: null },
  axis: {
    labelColor: colours.quiet,
    titleColor: colours.ink,
    titleFontWeight: "normal",
    titleFontSize: 12,
    labelFontSize: 11,
    titlePadding: 8,
    domainColor: colours.quiet,
    tickColor: colours.quiet,
    gridColor: colours.grid,
    labelLimit: 150,
  },
} as const;

export const chartSchema = "https://vega.github.io/schema/vega-lite/v6.json";
