// dom -- elements made of data, never of markup: what a feed or a rule says stays text.

export const $ = (selector, from = document) => from.querySelector(selector);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity))
    if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

// h("a", {href: "/"}, "text", [more]): children are nodes or texts; null and false are nothing.
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

// Put these nodes into the container, unless it shows the same already. Whoever has the focus keeps
// it if there is an element with the same data-key afterwards; so do panes their scroll position.
export function show(container, ...nodes) {
  const fresh = fill(document.createElement(container.tagName), null, nodes);
  if (fresh.innerHTML === container.innerHTML) return false;
  const focused = container.contains(document.activeElement) && document.activeElement.dataset.key;
  const scrolled = [...container.querySelectorAll("[data-pane]")]
    .map(pane => [pane.dataset.pane, pane.scrollTop]);
  const top = container.scrollTop;
  container.replaceChildren(...fresh.childNodes);
  container.scrollTop = top;
  for (const [pane, at] of scrolled) {
    const same = $(`[data-pane="${CSS.escape(pane)}"]`, container);
    if (same) same.scrollTop = at;
  }
  if (focused) $(`[data-key="${CSS.escape(focused)}"]`, container)?.focus({ preventScroll: true });
  return true;
}

// Only what changed is written.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
