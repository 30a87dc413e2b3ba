// theme -- before the first paint, so that no page flashes in the other theme. Storage may be shut.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch { /* then what the system says counts */ }
  const light = matchMedia("(prefers-color-scheme: light)").matches;
  const known = chosen === "light" || chosen === "dark";
  document.documentElement.dataset.theme = known ? chosen : light ? "light" : "dark";
})();
