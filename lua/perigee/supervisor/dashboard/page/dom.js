// Makes parts of the page. Texts only ever become text nodes and attributes, so what a service, a
// log line or an error says cannot become a part of the page.

const SVG = "http://www.w3.org/2000/svg";

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) {
      node.append(child);
    }
  }
  return node;
}

function setAll(node, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else if (value === true) {
      node.setAttribute(name, "");
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value);
    }
  }
  return node;
}

/** An element: make("a", { href: "#/", onclick: fn }, "text", anotherElement, [more]). */
export function make(name, attributes, ...children) {
  return append(setAll(document.createElement(name), attributes), children);
}

/** The same of SVG. */
export function draw(name, attributes, ...children) {
  return append(setAll(document.createElementNS(SVG, name), attributes), children);
}

/** Sets a text unless it is there already: selections and screen readers are left alone. */
export function say(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** Replaces what is in a node. */
export function fill(node, ...children) {
  node.replaceChildren();
  return append(node, children);
}

/** Sets or takes away an attribute. */
export function mark(node, name, value) {
  if (value === null || value === undefined || value === false) {
    node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}
