// What stands where no question is: why there is none, and what can be done about one that cannot be shown.

import { element } from "./why.js";
import { absence } from "./wording.js";

// Gives what is the matter: problem, loading, empty or offline.
export function showAbsence({ root, cover, left }, question, queue, { problem, skip, onRetry, onSkip }) {
  const state = question?.problem ? "problem" : (question ? "loading" : (queue?.state ?? "loading"));
  const isSaid = state === "empty" && root.dataset.why === state; // said once, however often the desk looks again
  root.dataset.state = "blank";
  root.dataset.why = state;
  delete root.dataset.item;
  left.textContent = "";
  if (isSaid) return state;
  cover.replaceChildren(element("p", absence(state, question?.problem ?? problem)));
  if (state === "problem") cover.append(press("Try again", onRetry), press(skip, onSkip));
  return state;
}

function press(text, what) {
  const made = element("button", text, { type: "button" });
  made.addEventListener("click", what);
  return made;
}
