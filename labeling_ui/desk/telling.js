// When does the page beside the card hear of answers? Rarely: each telling runs it anew, for its progress and its offers.

const EVERY = 50;
const AFTER = 2_000; // milliseconds of silence, where there are fewer

export class Teller {
  constructor(log, report) {
    this.log = log;
    this.report = report; // the page's own, given anew with each run of it
    this.told = 0;
  }

  close() {
    clearTimeout(this.timer);
  }

  // Some answers were kept.
  progress() {
    clearTimeout(this.timer);
    const news = this.log.kept - this.told;
    if (news) this.timer = setTimeout(() => this.#tell("progress"), news < EVERY ? AFTER : 0);
  }

  // No question is left: the page offers what can be done then.
  empty() {
    if (this.toldEmpty === this.log.kept || this.log.waiting()) return;
    this.toldEmpty = this.log.kept;
    this.#tell("empty");
  }

  #tell(what) {
    if (this.log.waiting()) return;
    this.told = this.log.kept;
    this.report("kept", { what, kept: this.log.kept });
  }
}
