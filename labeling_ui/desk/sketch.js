// How does a window look in a small picture? Its channels one below the other, each in the range that it is given.

import { fit } from "./draw.js";

const SIZE = [76, 40];
const MOST_CHANNELS = 4;
const BETWEEN = 2;
export const LINES = { anomaly: "#cc6010", normal: "#2b7bc0" };
const BANDS = { anomaly: "rgba(204, 96, 16, 0.20)", normal: "rgba(43, 123, 192, 0.20)" };

export function sketch(canvas, { index, values, span }, { answer, within, first = [] }) {
  const [width, height] = SIZE;
  fit(canvas, width, height);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  const filled = values.map((_, place) => place).filter((place) => within[place][0] <= within[place][1]);
  const rank = (place) => (first.includes(place) ? first.indexOf(place) : MOST_CHANNELS + place);
  const channels = filled.sort((one, other) => rank(one) - rank(other)).slice(0, MOST_CHANNELS).sort((one, other) => one - other);
  const low = Math.min(span[0], ...channels.map((place) => index[place][0]));
  const last = Math.max(span[1] - 1, ...channels.map((place) => index[place].at(-1)));
  const x = (place) => 1 + ((place - low) / (last - low || 1)) * (width - 2);
  pen.fillStyle = BANDS[answer];
  pen.fillRect(x(span[0]), 0, Math.max(2, x(span[1] - 1) - x(span[0])), height);
  pen.strokeStyle = LINES[answer];
  pen.lineWidth = 1.2;
  pen.lineJoin = "round";
  const row = height / Math.max(1, channels.length);
  channels.forEach((channel, number) => {
    const [least, most] = within[channel];
    const room = row - 2 * BETWEEN;
    const y = (value) => row * number + BETWEEN + (most > least ? (1 - (value - least) / (most - least)) * room : room / 2);
    trace(pen, index[channel], values[channel], x, y);
  });
}

function trace(pen, index, values, x, y) {
  let isOn = false;
  pen.beginPath();
  values.forEach((value, place) => {
    if (value === null) isOn = false;
    else {
      if (isOn) pen.lineTo(x(index[place]), y(value));
      else pen.moveTo(x(index[place]), y(value));
      isOn = true;
    }
  });
  pen.stroke();
}
