// What is on the page? The card's parts, made once; text goes in as text only.

import { element } from "./why.js";

const BUTTONS = [["anomaly", "Anomaly", "a"], ["normal", "Normal", "n"], ["unsure", "Unsure", "u"], ["skip", "Skip", "s"], ["undo", "Undo", "z"]];
const TOOLS = [["previous", "\u2190", "Answer before"], ["next", "\u2192", "Forward again"], ["closer", "+", "Zoom in"], ["wider", "\u2212", "Zoom out"],
  ["overlays", "o", "All overlays"], ["reset", "0", "Picture and marks as they came"], ["help", "?", "Keys"]];

export function makeView(root, act, faults) {
  const view = { root };
  const put = (parent, tag, name, text = "", attributes = {}) => {
    view[name] = element(tag, text, { class: name, ...attributes });
    parent.append(view[name]);
    return view[name];
  };
  const head = put(root, "div", "head");
  const titles = put(head, "div", "titles");
  put(titles, "h3", "question", "", { tabindex: -1 });
  put(titles, "p", "when");
  put(titles, "p", "scope");
  const side = put(head, "div", "side");
  const tools = put(side, "div", "tools", "", { role: "toolbar", "aria-label": "Picture and answers before" });
  put(tools, "span", "left");
  for (const [name, text, says] of TOOLS) tools.append(button(name, text, `${says} (${text})`, act));
  put(side, "div", "switches", "", { role: "toolbar", "aria-label": "Overlays" });
  const body = put(root, "div", "body");
  const main = put(body, "div", "main");
  put(main, "div", "scroller", "", { role: "group", "aria-label": "Picture of the question" });
  const stack = put(view.scroller, "div", "stack");
  put(stack, "canvas", "back", "", { role: "img" });
  put(stack, "canvas", "front", "", { "aria-hidden": "true" });
  put(stack, "div", "layer");
  put(view.scroller, "canvas", "axis", "", { "aria-hidden": "true" });
  put(main, "div", "cover", "", { role: "status" });
  put(main, "p", "read");
  put(body, "aside", "why", "", { "aria-label": "Why it is asked" });
  const answers = put(root, "div", "answers", "", { role: "group", "aria-label": "Answers" });
  for (const [name, text, key] of BUTTONS) {
    const made = button(name, text, `${text} (${key.toUpperCase()})`, act);
    made.append(element("kbd", key.toUpperCase(), { "aria-hidden": "true" }));
    answers.append(made);
    view[`press-${name}`] = made;
  }
  put(answers, "select", "fault", "", { "aria-label": "Fault kind (1 to 9)" });
  view.fault.append(element("option", "Fault kind\u2026", { value: "" }));
  faults.forEach((fault, place) => view.fault.append(element("option", `${place + 1} ${fault}`, { value: fault })));
  put(answers, "input", "comment", "", { placeholder: "Comment (C)", "aria-label": "Comment", maxlength: 1000, autocomplete: "off" });
  const foot = put(root, "div", "foot");
  put(foot, "p", "said", "", { role: "status", "aria-live": "polite" });
  put(foot, "p", "state");
  put(root, "section", "alike", "", { "aria-label": "Look-alikes" });
  return view;
}

function button(name, text, says, act) {
  const made = element("button", text, { type: "button", "data-act": name, title: says, "aria-label": says });
  made.addEventListener("click", (event) => act(name, { isClick: true, stamp: event.timeStamp }));
  return made;
}
