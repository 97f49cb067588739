// What does the card say of a question, of answers on their way, and of a place that is empty?

import { withoutUnit } from "./draw.js";

export const ANSWERS = { anomaly: "Anomaly", normal: "Normal", unsure: "Unsure" };

export function describe(view, question, past, clock) {
  view.question.textContent = question.asks_event ? "Is there an anomaly in the marked stretch?" : "Is the marked stretch an anomaly?";
  const about = question.asks_event ? question.event : question.span;
  view.when.textContent = `${question.series} \u00b7 ${clock.stretch(about)}`;
  const count = (many, text) => `${many.toLocaleString("en")} ${text}${many === 1 ? "" : "s"}`;
  const scope = question.asks_event
    ? `Anomaly: the marked points are one, those beside them are not. Normal: all ${count(about[1] - about[0], "proposed point")} are normal.`
    : `Only the ${count(about[1] - about[0], "marked point")} count; the grey window is what the agent looks at.`;
  view.scope.textContent = past ? `You answered ${ANSWERS[past.answer] ?? "Skip"}. Answer again to change it, or go forward (\u2192).` : scope;
  const channels = question.detail.channels.map((one) => one.name).join(", ");
  view.back.setAttribute("aria-label", `${count(question.detail.channels.length, "channel")} on one time axis: ${channels}. ${view.when.textContent}`);
}

export function stateLine(log, waiting, keys) {
  const many = `${waiting} ${waiting === 1 ? "answer" : "answers"}`;
  const rest = log.isMemoryOnly ? "'s memory only; leave this tab open" : ", sent when the server is back";
  const states = {
    kept: waiting ? `${waiting} waiting to be sent` : "All kept",
    sending: `${waiting} waiting to be sent`,
    offline: waiting ? `Offline: ${many} kept in this browser${rest}` : "Offline",
    refused: `${many} kept in this browser: ${log.message}. Reload the page.`,
  };
  const held = `${keys} ${keys === 1 ? "key waits for its" : "keys wait for their"} question (Esc lets go)`;
  return states[log.state] + (keys ? ` \u00b7 ${held}` : "");
}

export function absence(state, problem) {
  const texts = {
    empty: "No question is open for you now. What others leave comes back within minutes.",
    offline: `The server cannot be reached${problem?.status ? `: ${problem.message}` : ""}. Trying again by itself; your answers are kept in this browser.`,
    problem: `This question cannot be shown: ${problem?.message ?? ""}`,
  };
  return texts[state] ?? "The next question is on its way\u2026";
}

export function reading(detail, points, clock, place) {
  const values = detail.channels.slice(0, 4).map((one, channel) => {
    const value = points.values[channel][nearest(points.index[channel], place)];
    const said = value === null || value === undefined ? "\u2013" : Number(value.toPrecision(5));
    return `${withoutUnit(one)} ${said}${one.unit ? ` ${one.unit}` : ""}`;
  });
  return `${clock.say(place)} \u00b7 ${values.join(" \u00b7 ")}`;
}

function nearest(index, place) {
  let low = 0;
  let high = index.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (index[middle] < place) low = middle + 1;
    else high = middle;
  }
  return low && place - index[low - 1] < index[low] - place ? low - 1 : low;
}
