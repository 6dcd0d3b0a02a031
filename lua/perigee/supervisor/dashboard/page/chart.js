// Line charts of the last five minutes, as plain SVG.
import { draw, make, say } from "./dom.js";

const WIDTH = 300;
const HEIGHT = 60;
const POINTS = 300;

function path(values, most) {
  let text = "";
  let isDrawing = false;
  values.forEach((value, i) => {
    if (typeof value !== "number") {
      isDrawing = false;
      return;
    }
    const x = WIDTH * (POINTS - values.length + i) / (POINTS - 1);
    const y = HEIGHT - 1 - (HEIGHT - 3) * (most > 0 ? value / most : 0);
    text += `${isDrawing ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    isDrawing = true;
  });
  return text;
}

function largest(lists) {
  return Math.max(0, ...lists.flat().filter((value) => typeof value === "number"));
}

/** A small line without words, for a table. Its text alternative is the number beside it. */
export function makeSpark() {
  const line = draw("path");
  const element = draw("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none", "aria-hidden": "true" }, line);
  return { element, update(values) {
    line.setAttribute("d", path(values, largest([values])));
  } };
}

/**
 * A chart with a title. `lines`: one or two { name, format(value) }. Returns { element, update(list of
 * values for each line) }.
 */
export function makeChart(title, lines) {
  const styles = ["first", "second"];
  const paths = lines.map((_, i) => draw("path", { class: styles[i] }));
  const now = make("output");
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
    role: "img" }, draw("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }), paths);
  const keys = lines.length < 2 ? []
    : lines.map((line, i) => [make("span", { class: `key ${styles[i]}` }), line.name]);
  const element = make("figure", { class: "chart" },
    make("figcaption", null, make("span", null, title, keys), now), svg);

  function update(lists) {
    const most = largest(lists);
    paths.forEach((line, i) => line.setAttribute("d", path(lists[i], most)));
    const last = lines.map((line, i) => line.format(lists[i].at(-1)));
    say(now, last.join(" · "));
    svg.setAttribute("aria-label", `${title}: now ${lines.map((line, i) =>
      `${line.name} ${last[i]}`).join(", ")}; at most ${lines[0].format(most)} in five minutes`);
  }

  return { element, update };
}
