// Which key does what? They count while the card is on the page and nobody is writing; Streamlit's C and R stay quiet.

export const KEYS = [
  ["a", "anomaly", "Anomaly"],
  ["n", "normal", "Normal"],
  ["u", "unsure", "Unsure"],
  ["s", "skip", "Skip: somebody else may get it"],
  ["z", "undo", "Undo the last answer"],
  ["ArrowLeft", "previous", "Look at the answer before, to change it"],
  ["ArrowRight", "next", "Forward again"],
  ["+", "closer", "Zoom in"],
  ["-", "wider", "Zoom out"],
  [",", "left", "Move the picture to earlier"],
  [".", "right", "Move the picture to later"],
  ["0", "reset", "Picture and marks as they came"],
  ["o", "overlays", "Overlays: score, reconstruction, yesterday, last week"],
  ["c", "comment", "Write a comment; Enter goes back"],
  ["?", "help", "Show or hide the keys"],
];
const ALIAS = { "=": "closer", _: "wider" };
const NAMES = { ArrowLeft: "\u2190", ArrowRight: "\u2192" };

export const label = (key) => NAMES[key] ?? key.toUpperCase();

export function listen(act) {
  const byKey = new Map(KEYS.map(([key, name]) => [key, name]));
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.composedPath()[0];
    if (isWriting(target) || document.querySelector("[role=dialog]")) return;
    if (target.getAttribute?.("role") === "slider" && event.key.startsWith("Arrow")) return;
    if (isWithinStreamlit(target) && event.key.startsWith("Arrow")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const name = byKey.get(key) ?? ALIAS[key] ?? (/^[1-9]$/.test(key) ? "fault" : null);
    if (!name && key !== "r") return;
    event.stopImmediatePropagation(); // R alone would run the page anew, C would clear its cache
    if (!name) return;
    event.preventDefault();
    if (!event.repeat || ["closer", "wider", "left", "right"].includes(name)) act(name, { key, stamp: event.timeStamp });
  };
  window.addEventListener("keydown", onKey, true);
  return () => window.removeEventListener("keydown", onKey, true);
}

const isWriting = (target) =>
  target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) ||
  (target.tagName === "INPUT" && !/^(checkbox|radio|button|range)$/.test(target.type));

// Arrow keys belong to Streamlit's own tabs, sliders and lists while one of those has the focus.
const isWithinStreamlit = (target) =>
  target !== document.body && Boolean(target.closest?.("[role=tablist], [role=slider], [role=listbox], [role=radiogroup]"));
