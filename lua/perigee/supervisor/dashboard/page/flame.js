// Folded stacks as a flame graph: callers above what they call, as wide as they were seen. A click, or
// Enter, makes a frame as wide as the picture.
import { draw, fill, make, say } from "./dom.js";

const WIDTH = 1200;
const ROW = 18;
const CHARACTER = 6.7;
const LEAST_SHARE = 0.001;

function addFrame(node, name, count) {
  const child = node.children.get(name) ?? { name, count: 0, children: new Map() };
  node.children.set(name, child);
  child.count += count;
  return child;
}

function build(stacks) {
  const root = { name: "all", start: 0, count: 0, children: new Map() };
  for (const { stack, count } of stacks) {
    root.count += count;
    stack.split(";").reduce((node, name) => addFrame(node, name, count), root);
  }
  return root;
}

function list(root) {
  const frames = [];
  (function visit(node, start, depth) {
    frames.push({ name: node.name, count: node.count, start, depth });
    let at = start;
    for (const name of [...node.children.keys()].sort()) {
      const child = node.children.get(name);
      if (child.count >= root.count * LEAST_SHARE) {
        visit(child, at, depth + 1);
      }
      at += child.count;
    }
  })(root, 0, 0);
  return frames;
}

// A service's own code is warm, Perigee's cool, and the rest grey.
function colorOf(name) {
  const place = name.slice(name.lastIndexOf(" ") + 1);
  let spread = 0;
  for (const character of name) {
    spread = (spread * 31 + character.codePointAt(0)) % 997;
  }
  if (place.startsWith("perigee/")) {
    return `hsl(${200 + (spread % 30)} 40% 76%)`;
  }
  const isOwn = name.includes(" ") && place !== "[C]" && !name.startsWith("(");
  return isOwn ? `hsl(${18 + (spread % 32)} 88% 68%)` : "hsl(0 0% 78%)";
}

function shorten(name, width) {
  const room = Math.floor((width - 6) / CHARACTER);
  if (room < 3) {
    return "";
  }
  return name.length <= room ? name : `${name.slice(0, room - 1)}…`;
}

function makeFrame(frame, total, choose) {
  const words = `${frame.name}: ${frame.count} samples, ${(100 * frame.count / total).toFixed(1)} %`;
  const rect = draw("rect", { y: frame.depth * ROW, height: ROW - 1, fill: colorOf(frame.name) });
  const text = draw("text", { y: frame.depth * ROW + 13 });
  const element = draw("g", { tabindex: "0", role: "button", "aria-label": words,
    onclick: () => choose(frame), onkeydown: (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose(frame);
      }
    } }, draw("title", null, words), rect, text);
  return { ...frame, element, rect, text };
}

function place(frame, left, right) {
  const scale = WIDTH / (right - left);
  const x = Math.max(0, (frame.start - left) * scale);
  const end = Math.min(WIDTH, (frame.start + frame.count - left) * scale);
  const isVisible = end - x > 0.3;
  frame.element.style.display = isVisible ? "" : "none";
  if (isVisible) {
    frame.rect.setAttribute("x", x);
    frame.rect.setAttribute("width", end - x);
    frame.text.setAttribute("x", x + 3);
    say(frame.text, shorten(frame.name, end - x));
  }
}

// Of frames that are found inside others only the outer ones count.
function search(frames, wanted) {
  let seen = 0;
  let covered = 0;
  for (const frame of frames.slice().sort((a, b) => a.start - b.start || a.depth - b.depth)) {
    const isFound = wanted !== "" && frame.name.toLowerCase().includes(wanted);
    frame.element.classList.toggle("found", isFound);
    if (isFound && frame.start + frame.count > covered) {
      seen += frame.start + frame.count - Math.max(frame.start, covered);
      covered = frame.start + frame.count;
    }
  }
  return seen;
}

/** The graph of { stack, count } as an element. */
export function flameGraph(stacks) {
  const root = build(stacks);
  const choose = (chosen) => frames.forEach((frame) =>
    place(frame, chosen.start, chosen.start + chosen.count));
  const frames = list(root).map((frame) => makeFrame(frame, root.count, choose));
  const depth = Math.max(...frames.map((frame) => frame.depth)) + 1;
  const said = make("output", { class: "quiet" });
  const input = make("input", { type: "search", oninput: () => {
    const wanted = input.value.trim().toLowerCase();
    const seen = search(frames, wanted);
    say(said, wanted === "" ? "" : `${(100 * seen / root.count).toFixed(1)} % of the samples`);
  } });
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${depth * ROW}`, role: "group",
    "aria-label": "Flame graph" }, frames.map((frame) => frame.element));
  choose(root);
  return fill(make("div"), make("div", { class: "fields" }, make("label", null, "Search", input),
    make("button", { type: "button", onclick: () => choose(root) }, "Show all"), said),
  make("div", { class: "flame" }, svg));
}
