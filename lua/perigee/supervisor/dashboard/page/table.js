// A table whose rows come and go by key and whose cells change in place, so that focus, selection
// and scrolling stay where they are.
import { make, say } from "./dom.js";

function setCell(cell, value) {
  if (value instanceof Node) {
    if (cell.firstChild !== value) {
      cell.replaceChildren(value);
    }
  } else {
    say(cell, String(value));
  }
}

function makeRow(columns) {
  const cells = columns.map((column) => make(column.isHead ? "th" : "td",
    { class: column.kind, scope: column.isHead ? "row" : null }));
  return { element: make("tr", null, cells), cells, kept: new Map() };
}

/**
 * Makes a table. `columns`: { title, kind = "number", "steady" or "wide", isHead, cell(record, kept) → text or
 * node }, where `kept` is a map that lasts as long as the row. `key(record)` tells rows apart.
 * Returns { element, update(records) }.
 */
export function makeTable({ caption, isCaptionHidden, columns, key, empty }) {
  const body = make("tbody");
  const table = make("table", null,
    make("caption", { class: isCaptionHidden ? "hidden" : null }, caption),
    make("thead", null, make("tr", null, columns.map((column) =>
      make("th", { scope: "col", class: column.kind }, column.title)))),
    body);
  const nothing = make("p", { class: "empty", hidden: true }, empty ?? "Nothing here.");
  const element = make("div", { class: "frame", tabindex: "0", role: "region",
    "aria-label": caption }, table, nothing);
  const rows = new Map();

  function update(records) {
    const seen = new Set();
    records.forEach((record, index) => {
      const name = key(record);
      seen.add(name);
      const row = rows.get(name) ?? makeRow(columns);
      rows.set(name, row);
      columns.forEach((column, i) => setCell(row.cells[i], column.cell(record, row.kept)));
      if (body.children[index] !== row.element) {
        body.insertBefore(row.element, body.children[index] ?? null);
      }
    });
    for (const [name, row] of rows) {
      if (!seen.has(name)) {
        row.element.remove();
        rows.delete(name);
      }
    }
    nothing.hidden = records.length > 0;
  }

  return { element, update };
}

/** Makes a node for a cell once and lets `change` set it anew. */
export function keep(kept, name, create, change) {
  const node = kept.get(name) ?? create();
  kept.set(name, node);
  change?.(node);
  return node;
}
