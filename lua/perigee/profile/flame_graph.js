// What a flame graph does in a browser: a click on a frame makes it as wide as the picture, a click
// below it or Escape shows all again, and a search marks the frames that have its text.
"use strict";

const frames = Array.from(document.querySelectorAll("g.frame"));
const total = Number(document.documentElement.dataset.total);
const said = document.getElementById("said");
const CHARACTER = 6.4;

function shape(frame) {
  return {
    start: Number(frame.dataset.start),
    end: Number(frame.dataset.start) + Number(frame.dataset.count),
    depth: Number(frame.dataset.depth),
  };
}

function place(frame, left, width, scale) {
  const { start, end } = shape(frame);
  const x = Math.max(0, (start - left) * scale);
  const right = Math.min(width, (end - left) * scale);
  frame.style.display = right - x > 0.3 ? "" : "none";
  frame.querySelector("rect").setAttribute("x", x);
  frame.querySelector("rect").setAttribute("width", Math.max(0, right - x));
  const text = frame.querySelector("text");
  const room = Math.floor((right - x - 6) / CHARACTER);
  const name = frame.dataset.name;
  text.setAttribute("x", x + 3);
  text.textContent = room < 3 ? "" : name.length <= room ? name : name.slice(0, room - 1) + "…";
}

function show(chosen) {
  const { start, end } = chosen ? shape(chosen) : { start: 0, end: total };
  const width = Number(document.documentElement.dataset.width);
  for (const frame of frames) {
    place(frame, start, width, width / (end - start));
  }
}

// Frames inside others of the search count once.
function search(text) {
  let seen = 0;
  let covered = 0;
  const wanted = text.toLowerCase();
  const byStart = frames.slice().sort((a, b) =>
    shape(a).start - shape(b).start || shape(a).depth - shape(b).depth);
  for (const frame of byStart) {
    const isFound = wanted !== "" && frame.dataset.name.toLowerCase().includes(wanted);
    frame.classList.toggle("found", isFound);
    const { start, end } = shape(frame);
    if (isFound && end > covered) {
      seen += end - Math.max(start, covered);
      covered = end;
    }
  }
  said.textContent = wanted === "" ? ""
    : `${text}: ${seen} samples, ${(100 * seen / total).toFixed(1)} %`;
}

function ask() {
  const text = window.prompt("Frames whose name has:", "");
  if (text !== null) {
    search(text);
  }
}

for (const frame of frames) {
  frame.addEventListener("click", () => show(frame));
  frame.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      show(frame);
    }
  });
}
document.getElementById("search").addEventListener("click", ask);
document.getElementById("all").addEventListener("click", () => show(null));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    show(null);
  } else if (event.key === "/" || (event.key === "f" && event.ctrlKey)) {
    event.preventDefault();
    ask();
  }
});
