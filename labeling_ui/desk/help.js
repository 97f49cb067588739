// What can be done here, by which key? A dialog over the card: the page behind it waits, and Escape closes it.

import { KEYS, label } from "./keys.js";
import { element } from "./why.js";

const GROUPS = { answer: "Answering", look: "Looking", mark: "Marking", alike: "Look-alikes" };
const FURTHER = {
  answer: [["1\u20139", "Fault kind of an anomaly"], ["Esc", "Lets go of keys that wait for their question"]],
  mark: [
    ["Drag", "On the picture: marks a stretch; drag again for another"],
    ["Tab", "To the edges of a mark"],
    ["\u2190 \u2192", "Move the edge by a point; with Shift by ten"],
    ["Delete", "Takes the mark away"],
  ],
  alike: [
    ["\u2190 \u2192", "To the one beside; \u2191 \u2193: if Anomaly, if Normal"],
    ["Space", "Excepts the window from your answer, or not"],
    ["Esc", "Back to the question"],
  ],
};
const TEAM = [
  "A question that you hold is nobody else\u2019s. It goes back some minutes after you leave.",
  "What you skip may go to somebody else.",
  "Where two answers differ, a reviewer decides.",
];

export class Help {
  constructor(parent) {
    this.dialog = element("dialog", "", { class: "help", "aria-labelledby": "help-title" });
    const top = element("div", "", { class: "help-top" });
    const close = element("button", "Close", { type: "button", title: "Close (Esc)" });
    close.addEventListener("click", () => this.dialog.close());
    top.append(element("h3", "Keys", { id: "help-title" }), close);
    const groups = element("div", "", { class: "help-groups" });
    groups.append(...Object.entries(GROUPS).map(([group, title]) => keysOf(group, title)), team());
    this.dialog.append(top, groups);
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    parent.append(this.dialog);
  }

  get isOpen() {
    return this.dialog.open;
  }

  toggle() {
    if (this.isOpen) this.dialog.close();
    else this.dialog.showModal();
  }
}

function keysOf(group, title) {
  const part = element("section");
  const list = element("dl");
  const own = KEYS.filter((one) => one[3] === group).map(([key, , says]) => [label(key), says]);
  for (const [key, says] of [...own, ...(FURTHER[group] ?? [])]) {
    const term = element("dt");
    term.append(element("kbd", key));
    list.append(term, element("dd", says));
  }
  part.append(element("h4", title), list);
  return part;
}

function team() {
  const part = element("section");
  const list = element("ul");
  list.append(...TEAM.map((text) => element("li", text)));
  part.append(element("h4", "Team"), list);
  return part;
}
