// Which key does what? They count while the card is on the page and nobody is writing; Streamlit's C and R stay quiet.

export const KEYS = [
  ["a", "anomaly", "Anomaly", "answer"],
  ["n", "normal", "Normal", "answer"],
  ["u", "unsure", "Unsure", "answer"],
  ["s", "skip", "Skip", "answer"],
  ["z", "undo", "Undo the last answer", "answer"],
  ["ArrowLeft", "previous", "The answer before, to change it", "answer"],
  ["ArrowRight", "next", "Forward again", "answer"],
  ["c", "comment", "Comment; Enter goes back", "answer"],
  ["+", "closer", "Zoom in", "look"],
  ["-", "wider", "Zoom out", "look"],
  [",", "left", "To earlier", "look"],
  [".", "right", "To later", "look"],
  ["o", "overlays", "All overlays on or off", "look"],
  ["0", "reset", "Picture and marks as they came", "look"],
  ["?", "help", "These keys", "look"],
  ["l", "alike", "Into the strip of look-alikes", "alike"],
];
const ALIAS = { "=": "closer", _: "wider" };
const NAMES = { ArrowLeft: "\u2190", ArrowRight: "\u2192", "-": "\u2212" };

export const label = (key) => NAMES[key] ?? key.toUpperCase();

// While `isAsleep()`, as under an open dialog, only the key that opened it is heard.
export function listen(act, isAsleep) {
  const byKey = new Map(KEYS.map(([key, name]) => [key, name]));
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.composedPath()[0];
    if (isWriting(target) || document.querySelector("[role=dialog]")) return;
    if (event.key.startsWith("Arrow") && isMovedByArrows(target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const name = byKey.get(key) ?? ALIAS[key] ?? (/^[1-9]$/.test(key) ? "fault" : null);
    if (!name && key !== "r") return;
    event.stopImmediatePropagation(); // R alone would run the page anew, C would clear its cache
    if (!name || (isAsleep() && name !== "help")) return;
    event.preventDefault();
    if (!event.repeat || ["closer", "wider", "left", "right"].includes(name)) act(name, { key, stamp: event.timeStamp });
  };
  window.addEventListener("keydown", onKey, true);
  return () => window.removeEventListener("keydown", onKey, true);
}

const isWriting = (target) =>
  target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) ||
  (target.tagName === "INPUT" && !/^(checkbox|radio|button|range)$/.test(target.type));

// Arrow keys belong to handles, to the strip, and to Streamlit's own tabs, sliders and lists, while one of those has the focus.
const isMovedByArrows = (target) =>
  target !== document.body && Boolean(target.closest?.("[data-arrows], [role=tablist], [role=slider], [role=listbox], [role=radiogroup]"));
