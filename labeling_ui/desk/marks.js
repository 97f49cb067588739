// Where does the event begin and end? Stretches that are dragged, with handles that the keyboard moves as well.

const NEAR = 9; // pixels

export class Marks {
  constructor(picture, layer, { onChange }) {
    this.picture = picture;
    this.layer = layer; // lies over the canvas; holds the handles
    this.onChange = onChange;
    this.list = [];
    layer.addEventListener("pointerdown", (event) => this.#down(event));
    layer.addEventListener("pointermove", (event) => this.#move(event));
    layer.addEventListener("pointerup", (event) => this.#up(event));
    layer.addEventListener("pointercancel", () => this.#cancel());
    layer.addEventListener("pointerleave", () => !this.drag && this.#hover(null));
  }

  open(question, given = null) {
    this.question = question;
    this.drag = null;
    this.chosen = -1;
    this.cursor = null;
    this.isTouched = Boolean(given);
    this.list = !question.asks_event ? [] : given?.length ? given.map((one) => [...one]) : [this.#within([...question.event])];
    this.show();
  }

  reset() {
    this.open(this.question);
    this.onChange();
  }

  removeChosen() {
    const which = this.chosen < 0 ? this.list.length - 1 : this.chosen;
    if (this.list.length < 2) return;
    this.list.splice(which, 1);
    this.#changed(-1);
  }

  // What an answer carries: in time order, stretches that touch or overlap as one.
  extents() {
    const merged = [];
    for (const [low, high] of [...this.list].sort((one, other) => one[0] - other[0])) {
      const last = merged.at(-1);
      if (last && low <= last[1]) last[1] = Math.max(last[1], high);
      else merged.push([low, high]);
    }
    return merged;
  }

  show() {
    this.picture.drawMarks(this.question, this.list, { chosen: this.chosen, cursor: this.cursor });
    this.#handles();
  }

  #within([low, high]) {
    const [first, last] = this.question.markable;
    const from = Math.min(Math.max(low, first), last - 1);
    return [from, Math.min(Math.max(high, from + 1), last)];
  }

  #at(event) {
    return event.clientX - this.layer.getBoundingClientRect().left;
  }

  #edgeAt(x) {
    let best = null;
    this.list.forEach((mark, number) => {
      [mark[0], mark[1]].forEach((edge, side) => {
        const far = Math.abs(this.picture.x(edge - 0.5) - x);
        if (far <= NEAR && (!best || far < best.far)) best = { number, side, far };
      });
    });
    return best;
  }

  #down(event) {
    if (!this.question?.asks_event || event.button || event.target !== this.layer) return;
    const x = this.#at(event);
    if (x < this.picture.left || x > this.picture.width - this.picture.right) return;
    const edge = this.#edgeAt(x);
    const start = Math.round(this.picture.place(x));
    this.drag = { id: event.pointerId, x, start, edge, before: this.list.map((one) => [...one]) };
    this.layer.setPointerCapture(event.pointerId);
    event.preventDefault();
  }

  #move(event) {
    const x = this.#at(event);
    if (!this.drag) {
      this.layer.style.cursor = this.question?.asks_event ? (this.#edgeAt(x) ? "ew-resize" : "crosshair") : "";
      if (event.pointerType === "mouse") this.#hover(x);
      return;
    }
    if (event.pointerId !== this.drag.id || (!this.drag.isMoving && Math.abs(x - this.drag.x) < 4)) return;
    this.drag.isMoving = true;
    this.cursor = null;
    if (this.drag.edge) this.#moveEdge(this.drag.edge, this.picture.place(x));
    else this.#newMark(x);
    this.show();
  }

  #newMark(x) {
    const others = this.isTouched ? this.drag.before : []; // the proposal gives way to the first stretch drawn by hand
    const places = [this.drag.start, Math.round(this.picture.place(x))].sort((one, other) => one - other);
    this.list = [...others.map((one) => [...one]), this.#within([places[0], places[1] + 1])];
    this.chosen = this.list.length - 1;
  }

  #moveEdge({ number, side }, place) {
    const mark = [...this.list[number]];
    const edge = Math.round(place + 0.5); // an edge lies between two points
    mark[side] = side ? Math.max(edge, mark[0] + 1) : Math.min(edge, mark[1] - 1);
    this.list[number] = this.#within(mark);
    this.chosen = number;
  }

  #up(event) {
    if (!this.drag || event.pointerId !== this.drag.id) return;
    const { isMoving, start } = this.drag;
    this.drag = null;
    if (isMoving) this.#changed(this.chosen);
    else {
      this.chosen = this.list.findIndex(([low, high]) => start >= low && start < high);
      this.show();
    }
  }

  #cancel() {
    if (!this.drag) return;
    this.list = this.drag.before;
    this.drag = null;
    this.show();
  }

  #hover(x) {
    const isInside = x !== null && x >= this.picture.left && x <= this.picture.width - this.picture.right;
    this.cursor = isInside ? Math.round(this.picture.place(x)) : null;
    if (this.question) this.picture.drawMarks(this.question, this.list, { chosen: this.chosen, cursor: this.cursor });
    this.onHover?.(this.cursor);
  }

  #changed(chosen) {
    this.isTouched = true;
    this.chosen = chosen;
    this.show();
    this.onChange();
  }

  #handles() {
    const wanted = this.list.length * 2;
    while (this.layer.children.length > wanted) this.layer.lastChild.remove();
    while (this.layer.children.length < wanted) this.layer.append(this.#handle(this.layer.children.length));
    this.list.forEach((mark, number) => {
      [0, 1].forEach((side) => this.#place(this.layer.children[2 * number + side], mark, side, number));
    });
  }

  #place(handle, mark, side, number) {
    const { picture } = this;
    const x = picture.x(mark[side] - 0.5);
    const point = side ? mark[1] - 1 : mark[0];
    handle.hidden = x < picture.left - 1 || x > picture.width - picture.right + 1;
    handle.style.transform = `translateX(${x}px)`;
    handle.setAttribute("aria-label", `${side ? "End" : "Begin"} of mark ${number + 1}`);
    handle.setAttribute("aria-valuemin", this.question.markable[0]);
    handle.setAttribute("aria-valuemax", this.question.markable[1] - 1);
    handle.setAttribute("aria-valuenow", point);
    handle.setAttribute("aria-valuetext", picture.clock.say(point));
  }

  #handle(place) {
    const [number, side] = [place >> 1, place & 1];
    const handle = document.createElement("div");
    handle.className = "handle";
    handle.tabIndex = 0;
    handle.setAttribute("role", "slider");
    handle.addEventListener("keydown", (event) => this.#key(event, number, side));
    handle.addEventListener("pointerdown", (event) => this.#grab(event, number, side));
    return handle;
  }

  #grab(event, number, side) {
    if (event.button) return;
    event.preventDefault();
    event.target.focus();
    this.drag = { id: event.pointerId, x: this.#at(event), start: 0, edge: { number, side }, before: this.list.map((one) => [...one]) };
    this.layer.setPointerCapture(event.pointerId);
  }

  #key(event, number, side) {
    const step = event.shiftKey ? 10 : 1;
    const edge = this.list[number][side];
    const moves = { ArrowLeft: edge - step, ArrowRight: edge + step, ArrowDown: edge - step, ArrowUp: edge + step, Home: -Infinity, End: Infinity };
    if (event.key in moves) {
      const [first, last] = this.question.markable;
      this.#moveEdge({ number, side }, Math.min(last, Math.max(first, moves[event.key])) - 0.5);
      this.#changed(number);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.chosen = number;
      this.removeChosen();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
