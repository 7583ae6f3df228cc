/*
 * The demo page: live charts that keep their place through every disconnect.
 *
 * Whether anything is missing or came twice is judged here from the publisher's own numbers (`seq`
 * of each topic), not from what the client or the hub say. window.__demo shows the result to tests.
 */
import { compareCursors, Longwire } from '/longwire.js';

const PREFIX = 'demo';
const WINDOW_MS = 60_000; // what a chart shows
const KEPT_MS = WINDOW_MS + 5_000;
const LAG_MS = 300; // the right edge: behind now, so that points glide in
const FRAME_MS = 33; // between two drawings
const FIGURES_MS = 250; // between two updates of the numbers
const DESCRIBE_MS = 5_000; // between two updates of what screen readers are told
const REPLAY_SHOWN_MS = 2_500; // how long replayed points stand out, then how long they fade
const REPLAY_FADE_MS = 2_000;
const STALE_MS = 1_000; // newest point older than this: the chart says that it waits
const NO_DATA_MS = 4_000;
const HISTORY = -1_600; // messages asked for at start: 60 s of 5 topics, 5 times a second
const BACKOFF = { base: 300, cap: 3_000 }; // ms; few pages, and people who watch
const OFFLINE_S = 5;
const LOG_MAX = 100;
const CHAT_MAX = 30;
const LABELS = { websocket: 'WebSocket', sse: 'SSE', poll: 'Long-poll' };

const $ = (id) => document.getElementById(id);
const plural = (n, word) => `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`;

// ---- figures as text ---------------------------------------------------------------------------

function scaled(value, base, units) {
  let i = 0;
  for (; value >= base && i < units.length - 1; i++) value /= base;
  const digits = value >= 100 || i === 0 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[i]}`;
}

const percent = (v) => `${v.toFixed(v > 0 && v < 10 ? 1 : 0)} %`;
const bytes = (v) => scaled(v, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
const byteRate = (v) => scaled(v, 1000, ['B/s', 'kB/s', 'MB/s', 'GB/s']);
const count = (v) => Math.round(v).toLocaleString('en');
const perSecond = (v) => scaled(v, 1000, ['/s', 'k/s', 'M/s']);
const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
const clock = (time) => new Date(time).toLocaleTimeString('en-GB');

// ---- is anything missing? ----------------------------------------------------------------------

/** Follows the publisher's numbering of each topic. */
class Ledger {
  gaps = 0; // messages that should have come
  duplicates = 0;
  #last = new Map(); // topic -> { run, seq }

  /** What message SEQ of the publisher's run RUN is: 'first', 'next', 'again' or 'after a hole'. */
  take(topic, { run, seq }) {
    const last = this.#last.get(topic);
    const expected = last?.run === run ? last.seq + 1 : 1; // a restarted publisher begins at 1
    if (last?.run === run && seq < expected) {
      this.duplicates++;
      return 'again';
    }
    this.#last.set(topic, { run, seq });
    if (!last) return 'first';
    this.gaps += seq - expected;
    return seq === expected ? 'next' : 'after a hole';
  }
}

// ---- what the charts show ----------------------------------------------------------------------

/*
 * Each: `lines` makes of a message's data the lines [label, value, axis]; axis 'right' has its own
 * scale, written by `rightText`. `most` is the top of the scale where it is known. `mean`: readings
 * that a point averages. `more`: said beside the lines.
 */
const CHARTS = [
  {
    name: 'cpu',
    text: percent,
    mean: 5,
    most: () => 100,
    lines: ({ cpus }) => cpus.map((load, i) => [`CPU ${i}`, load]),
  },
  {
    name: 'memory',
    text: bytes,
    mean: 1,
    most: ({ total }) => total,
    lines: ({ used, cached }) => [['used', used], ['cached', cached]],
  },
  {
    name: 'net',
    text: byteRate,
    mean: 5,
    lines: (d) => [['received', d.received], ['sent', d.sent], ['loopback', d.loopback]],
  },
  {
    name: 'disk',
    text: byteRate,
    mean: 5,
    lines: ({ read, written }) => [['read', read], ['written', written]],
  },
  {
    name: 'system',
    text: count,
    rightText: perSecond,
    mean: 5,
    lines: (d) => [['processes', d.processes], ['threads', d.threads],
      ['switches', d.switches, 'right']],
    more: (d) => `load ${d.load[0].toFixed(2)}`,
  },
];
const LINES_MAX = 8; // colours; machines with more processors show the first ones and the mean

/** The points of one topic, in the publisher's order. */
class Track {
  points = []; // { t, values, raw, joined, lost, batch }

  constructor(chart) {
    this.chart = chart;
  }

  add(data, verdict, batch) {
    const previous = this.points.at(-1);
    const lines = shown(this.chart, data);
    const raw = lines.map(([, value]) => value);
    // A new run of the publisher goes on where the old one stopped, unless it was away.
    const joined = verdict === 'next' && previous !== undefined && data.t - previous.t < 2_000;
    const recent = this.#recent(raw.length, joined);
    const values = raw.map((value, i) =>
      (value + recent.reduce((sum, point) => sum + point.raw[i], 0)) / (recent.length + 1));
    const lost = verdict === 'after a hole';
    this.points.push({ t: data.t, data, lines, values, raw, joined, lost, batch });
  }

  #recent(width, joined) {
    const recent = [];
    for (let i = this.points.length - 1; joined && recent.length < this.chart.mean - 1; i--) {
      const point = this.points[i];
      if (point?.raw.length !== width) break;
      recent.push(point);
      if (!point.joined) break;
    }
    return recent;
  }

  forget(before) {
    const first = this.points.findIndex((point) => point.t >= before);
    if (first > 0) this.points.splice(0, first);
  }
}

function shown(chart, data) {
  const lines = chart.lines(data);
  if (lines.length <= LINES_MAX) return lines;
  return [['all', data.all], ...lines.slice(0, LINES_MAX - 1)];
}

// ---- drawing -----------------------------------------------------------------------------------

const palette = {};

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const names = ['line', 'text', 'muted', 'bad', 'replay', 'websocket', 'sse', 'poll', 'panel'];
  for (let i = 1; i <= LINES_MAX; i++) names.push(`series-${i}`);
  for (const name of names) palette[name] = style.getPropertyValue(`--${name}`).trim();
}

/** A canvas that is as sharp as the screen, whatever its size. */
class Surface {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext('2d');
    this.width = this.height = 0; // CSS pixels
    new ResizeObserver(() => this.#fit()).observe(canvas);
    this.#fit();
  }

  #fit() {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = window.devicePixelRatio || 1;
    this.width = clientWidth;
    this.height = clientHeight;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
  }

  begin() {
    const ratio = window.devicePixelRatio || 1;
    if (Math.round(this.width * ratio) !== this.canvas.width) this.#fit(); // zoomed
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.pen.clearRect(0, 0, this.width, this.height);
    this.pen.font = '11.5px system-ui, sans-serif';
    this.pen.textBaseline = 'middle';
  }
}

/** The next of 1, 2, 5, 10, 20, ... at or above VALUE. */
function roundUp(value) {
  const step = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((n) => n * step).find((n) => n >= value * 0.999);
}

const GUTTER = { left: 66, right: 10, rightAxis: 62, top: 8, bottom: 20 };
const GRID = 4; // horizontal parts

class Chart {
  #tops = new Map(); // axis -> top of its scale, gliding towards what it should be
  #legend = [];

  constructor(track) {
    this.track = track;
    this.chart = track.chart;
    this.surface = new Surface($(`${this.chart.name}-canvas`));
    this.legend = $(`${this.chart.name}-legend`);
  }

  draw(end, batches) {
    const { surface, track: { points } } = this;
    surface.begin();
    const last = points.at(-1);
    const twoAxes = Boolean(last?.lines.some(([, , axis]) => axis));
    this.box = {
      left: GUTTER.left,
      right: surface.width - (twoAxes ? GUTTER.rightAxis : GUTTER.right),
      top: GUTTER.top,
      bottom: surface.height - GUTTER.bottom,
    };
    this.x = (t) => this.box.right - ((end - t) / WINDOW_MS) * (this.box.right - this.box.left);
    this.#rescale(last);
    this.#drawGrid(twoAxes);
    if (!last) return;
    surface.pen.save();
    surface.pen.beginPath();
    surface.pen.rect(this.box.left, 0, this.box.right - this.box.left, surface.height);
    surface.pen.clip();
    this.#drawReplayed(batches, 'band');
    this.#drawLost();
    for (let line = last.lines.length - 1; line >= 0; line--) this.#drawLine(line);
    this.#drawReplayed(batches, 'lines');
    this.#drawWaiting(last, end);
    surface.pen.restore();
  }

  #rescale(last) {
    for (const [axis, top] of this.#wantedTops(last)) {
      const now = this.#tops.get(axis) ?? top;
      this.#tops.set(axis, Math.abs(top - now) < top / 200 ? top : now + (top - now) * 0.35);
    }
  }

  #wantedTops(last) {
    const tops = new Map();
    if (last && this.chart.most) return tops.set('left', this.chart.most(last.data));
    for (const point of this.track.points) {
      point.lines.forEach(([, , axis = 'left'], i) => {
        tops.set(axis, Math.max(tops.get(axis) ?? 0, point.values[i]));
      });
    }
    for (const [axis, top] of tops) tops.set(axis, roundUp(Math.max(top * 1.05, 10)));
    return tops;
  }

  y(value, axis = 'left') {
    const { top, bottom } = this.box;
    return bottom - (value / this.#tops.get(axis)) * (bottom - top);
  }

  #drawGrid(twoAxes) {
    const { pen } = this.surface;
    const { left, right, top, bottom } = this.box;
    pen.strokeStyle = palette.line;
    pen.fillStyle = palette.muted;
    pen.lineWidth = 1;
    for (let i = 0; i <= GRID; i++) {
      const y = Math.round(bottom - (i / GRID) * (bottom - top)) + 0.5;
      pen.beginPath();
      pen.moveTo(left, y);
      pen.lineTo(right, y);
      pen.stroke();
      if (i % 2 === 0) this.#label(i / GRID, y, twoAxes);
    }
    pen.textAlign = 'center';
    for (let s = 0; s <= 60; s += labelStep(right - left)) {
      const x = right - (s * 1000 / WINDOW_MS) * (right - left);
      pen.textAlign = s === 0 ? 'right' : s === 60 ? 'left' : 'center';
      pen.fillText(s === 0 ? 'now' : `−${s} s`, x, bottom + 13);
    }
  }

  #label(part, y, twoAxes) {
    const { pen } = this.surface;
    const { left, right } = this.box;
    const leftTop = this.#tops.get('left');
    const rightTop = this.#tops.get('right');
    pen.textAlign = 'right';
    if (leftTop) pen.fillText(this.chart.text(leftTop * part), left - 8, y);
    pen.textAlign = 'left';
    if (twoAxes && rightTop) pen.fillText(this.chart.rightText(rightTop * part), right + 8, y);
  }

  /** The line's path over the points that FILTER wants, broken where something is missing. */
  #path(line, filter = () => true) {
    const path = new Path2D();
    let pen = false; // is down
    for (const point of this.track.points) {
      if (!filter(point) || point.values[line] === undefined) {
        pen = false;
        continue;
      }
      const [x, y] = [this.x(point.t), this.y(point.values[line], point.lines[line][2])];
      if (pen && point.joined) path.lineTo(x, y);
      else path.moveTo(x, y);
      pen = true;
    }
    return path;
  }

  #drawLine(line) {
    const { pen } = this.surface;
    const path = this.#path(line);
    pen.strokeStyle = palette[`series-${line + 1}`];
    pen.lineJoin = 'round';
    pen.lineWidth = 1.75;
    this.#fill(line);
    pen.stroke(path);
  }

  /** A tint below the line. */
  #fill(line) {
    const { pen } = this.surface;
    const { points } = this.track;
    const area = new Path2D();
    points.forEach((point, i) => {
      if (point.values[line] === undefined) return;
      const x = this.x(point.t);
      if (!point.joined || i === 0) area.moveTo(x, this.box.bottom);
      area.lineTo(x, this.y(point.values[line], point.lines[line][2]));
      if (!points[i + 1]?.joined) area.lineTo(x, this.box.bottom);
    });
    pen.globalAlpha = 0.08;
    pen.fillStyle = pen.strokeStyle;
    pen.fill(area);
    pen.globalAlpha = 1;
  }

  /** What was replayed stands out for a while: that is what this page is about. */
  #drawReplayed(batches, what) {
    const { pen } = this.surface;
    for (const batch of batches) {
      const strength = batch.strength();
      const mine = this.track.points.filter((point) => point.batch === batch);
      if (strength <= 0 || mine.length === 0) continue;
      if (what === 'band') {
        const [from, to] = [this.x(mine[0].t), this.x(mine.at(-1).t)];
        pen.globalAlpha = 0.16 * strength;
        pen.fillStyle = palette.replay;
        pen.fillRect(from - 1, this.box.top, to - from + 2, this.box.bottom - this.box.top);
      } else {
        pen.globalAlpha = strength;
        pen.strokeStyle = palette.replay;
        pen.lineWidth = 2.25;
        mine[0].lines.forEach((_, line) => pen.stroke(this.#path(line, (p) => p.batch === batch)));
      }
      pen.globalAlpha = 1;
    }
  }

  #drawLost() {
    this.track.points.forEach((point, i, points) => {
      if (point.lost && i > 0) this.#hatch(points[i - 1].t, point.t, palette.bad, 0.5);
    });
  }

  #drawWaiting(last, end) {
    if (end - last.t < STALE_MS) return;
    const { pen } = this.surface;
    const { left, top, bottom } = this.box;
    const [from, to] = [Math.max(left, this.x(last.t)), this.x(end)];
    this.#hatch(last.t, end, palette.muted, 0.22);
    if (to - from < 90) return;
    const text = subscription.state === 'live' ? 'no readings' : 'to be replayed';
    pen.fillStyle = palette.text;
    pen.textAlign = 'center';
    pen.fillText(text, (from + to) / 2, (top + bottom) / 2);
  }

  #hatch(fromTime, toTime, colour, alpha) {
    const { top, bottom } = this.box;
    hatch(this.surface.pen, this.x(fromTime), top, this.x(toTime), bottom, colour, alpha);
  }

  /** The latest figures beside the title, and for screen readers. */
  describe(speak) {
    const last = this.track.points.at(-1);
    if (!last) return;
    const texts = last.lines.map(([label, , axis], i) =>
      [label, (axis ? this.chart.rightText : this.chart.text)(last.values[i])]);
    if (this.#legend.length !== texts.length) this.#makeLegend(texts);
    texts.forEach(([, text], i) => setText(this.#legend[i], text));
    if (this.chart.more) setText(this.moreText, this.chart.more(last.data));
    if (!speak) return;
    const title = this.surface.canvas.closest('section').querySelector('h2').textContent;
    const spoken = `${title}, last 60 seconds. Now: ${texts.map((t) => t.join(' ')).join(', ')}`;
    this.surface.canvas.setAttribute('aria-label', spoken);
  }

  #makeLegend(texts) {
    this.legend.replaceChildren();
    this.#legend = texts.map(([label], i) => {
      const item = element('span', `item s${i + 1}`, `${label} `);
      item.append(element('b'));
      this.legend.append(item);
      return item.lastChild;
    });
    this.moreText = element('span');
    if (this.chart.more) this.legend.append(this.moreText);
  }
}

const labelStep = (width) => (width > 480 ? 10 : width > 300 ? 15 : 30); // seconds

function hatch(pen, left, top, right, bottom, colour, alpha) {
  pen.save();
  pen.beginPath();
  pen.rect(left, top, right - left, bottom - top);
  pen.clip();
  pen.globalAlpha = alpha;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  const height = bottom - top;
  const first = Math.floor((left - height) / 8) * 8;
  for (let x = first; x < right; x += 8) {
    pen.moveTo(x, bottom);
    pen.lineTo(x + height, top);
  }
  pen.stroke();
  pen.restore();
}

/** Which transport delivered when, and when none did. */
class Strip {
  #spans = []; // { from, transport }; transport null: not connected

  constructor() {
    this.surface = new Surface($('strip-canvas'));
  }

  mark(transport) {
    if (this.#spans.at(-1)?.transport === transport) return;
    this.#spans.push({ from: Date.now(), transport });
    const second = this.#spans[1];
    if (second && second.from < Date.now() - KEPT_MS) this.#spans.shift();
  }

  draw() {
    const { surface, surface: { pen, width, height } } = this;
    surface.begin();
    const end = Date.now();
    const x = (t) => width - ((end - t) / WINDOW_MS) * width;
    pen.fillStyle = palette.line;
    pen.globalAlpha = 0.45;
    roundRect(pen, 0, 0, width, height, 6);
    pen.clip();
    pen.fill();
    pen.globalAlpha = 1;
    this.#spans.forEach((span, i) => {
      const to = this.#spans[i + 1]?.from ?? end;
      if (to > end - WINDOW_MS) this.#drawSpan(span, Math.max(0, x(span.from)), x(to));
    });
  }

  #drawSpan({ transport }, from, to) {
    const { pen, height } = this.surface;
    if (transport === null) {
      const left = Math.min(from, to - 3); // however short, it is seen
      pen.clearRect(left, 0, to - left, height);
      hatch(pen, left, 0, to, height, palette.bad, 0.55);
      this.#label('not connected', palette.text, from, to);
    } else {
      pen.fillStyle = palette[transport];
      pen.fillRect(from, 0, to - from, height);
      this.#label(LABELS[transport], palette.panel, from, to);
    }
  }

  #label(text, colour, from, to) {
    const { pen, height } = this.surface;
    pen.font = '600 12px system-ui, sans-serif';
    if (pen.measureText(text).width + 16 > to - from) return;
    pen.fillStyle = colour;
    pen.textAlign = 'left';
    pen.fillText(text, from + 8, height / 2 + 0.5);
  }
}

function roundRect(pen, x, y, width, height, radius) {
  pen.beginPath();
  if (pen.roundRect) pen.roundRect(x, y, width, height, radius);
  else pen.rect(x, y, width, height);
}

// ---- the page's parts --------------------------------------------------------------------------

function element(name, className = '', text = '') {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function setText(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

/** A value and its unit, the unit smaller. */
function setFigure(where, value, unit) {
  if (where.dataset.value === `${value} ${unit}`) return;
  where.dataset.value = `${value} ${unit}`;
  where.replaceChildren(String(value), element('span', 'unit', unit));
}

/** One line of "What happened"; a repeated one is counted instead. */
function log(tone, text) {
  const list = $('log');
  const newest = list.firstElementChild;
  const again = newest?.dataset.text === text;
  const times = again ? Number(newest.dataset.times) + 1 : 1;
  const line = element('li', tone);
  line.dataset.text = text;
  line.dataset.times = times;
  line.append(element('time', '', clock(Date.now())));
  line.append(element('p', '', times > 1 ? `${text} (${times} times)` : text));
  if (again) newest.replaceWith(line);
  else list.prepend(line);
  while (list.children.length > LOG_MAX) list.lastElementChild.remove();
}

/** Messages of demo/chat, newest first. */
class Chat {
  #messages = new Map(); // id -> message

  add(...messages) {
    for (const message of messages) this.#messages.set(message.id, message);
    const order = [...this.#messages.values()].sort((a, b) => -compareCursors(a.id, b.id));
    this.#messages = new Map(order.slice(0, CHAT_MAX).map((m) => [m.id, m]));
    $('chat').replaceChildren(...[...this.#messages.values()].map((m) => this.#line(m)));
  }

  #line({ id, time, data }) {
    const line = element('li');
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    line.append(element('time', '', clock(time)), element('span', 'text', text));
    line.append(element('span', 'id', id));
    return line;
  }
}

// ---- following the hub -------------------------------------------------------------------------

const client = new Longwire(location.origin);
const ledger = new Ledger();
const tracks = new Map(CHARTS.map((chart) => [`${PREFIX}/${chart.name}`, new Track(chart)]));
const charts = [...tracks.values()].map((track) => new Chart(track));
const strip = new Strip();
const chat = new Chat();
const batches = []; // replays that still stand out
let received = 0;
let replayedInAll = 0;
let arrivals = []; // times of the last seconds' messages; what is replayed came at no such rate
let delays = []; // of the last live messages, ms
let skew = 0; // this clock is ahead of the hub's by so many ms, if that is worth a word
let away = { since: performance.now(), first: true, told: new Set() }; // null while live
let batch = null; // the replay going on
let lastPoint = performance.now();

/** A replay: its points stand out from its first message on, and fade when it is over. */
function newBatch() {
  const made = { messages: 0, done: Infinity };
  made.strength = () => {
    const age = performance.now() - made.done;
    return age < REPLAY_SHOWN_MS ? 1 : 1 - (age - REPLAY_SHOWN_MS) / REPLAY_FADE_MS;
  };
  batches.push(made);
  return made;
}

function takeMessage(message, { replayed }) {
  received++;
  if (replayed) {
    batch ??= newBatch();
    batch.messages++;
    replayedInAll++;
  } else {
    arrivals.push(performance.now());
    takeDelay(Date.now() - Date.parse(message.time));
  }
  if (message.topic === `${PREFIX}/chat`) return chat.add(message);
  const track = tracks.get(message.topic);
  if (!track || typeof message.data?.seq !== 'number') return;
  const verdict = ledger.take(message.topic, message.data);
  if (verdict === 'after a hole') log('bad', `A message of ${message.topic} is missing`);
  if (verdict === 'again') log('bad', `A message of ${message.topic} came twice`);
  lastPoint = performance.now();
  if (verdict !== 'again') track.add(message.data, verdict, replayed ? batch : null);
}

function takeDelay(delay) {
  delays.push(delay);
  if (delays.length > 25) delays.shift();
  const least = Math.min(...delays);
  skew = Math.abs(least) < 1_500 ? 0 : least; // a page on another machine, with another clock
}

function takeState(report) {
  const { state, transport } = report;
  const connected = state === 'live' || state === 'replaying';
  strip.mark(connected ? transport : null);
  if (state === 'live') tellReturn(transport);
  else tellAway(report);
  showState(report);
}

function tellAway({ state, transport, cursor, error }) {
  // From live straight to replaying: a better transport has taken over while the old one worked.
  away ??= { since: performance.now(), cursor, moved: state === 'replaying', told: new Set() };
  const why = error?.message;
  if (state === 'connecting') {
    const other = away.tried && away.tried !== transport;
    if (other) tellOnce('warn', `No ${LABELS[away.tried]} (${why}): trying ${LABELS[transport]}`);
    away.tried = transport;
  } else if (state === 'waiting') {
    away.tried = null;
    tellOnce('warn', `Not connected (${why}): trying until it works`);
  } else if (state === 'closed') {
    log('bad', `The hub refuses: ${why}`);
  }
}

/** However often it fails, each trouble of one absence is one line. */
function tellOnce(tone, text) {
  if (!away.told.has(text)) log(tone, text);
  away.told.add(text);
}

function tellReturn(transport) {
  const messages = batch?.messages ?? 0;
  const took = seconds(performance.now() - away.since);
  const label = LABELS[transport];
  if (away.first) {
    log('good', `Connected by ${label}: ${plural(messages, 'message')} of history in ${took}`);
  } else if (away.moved) {
    log('good', `${label} works again: moved to it without a break`);
  } else {
    const news = messages > 0 ? `${plural(messages, 'message')} replayed` : 'nothing was missed';
    const tone = messages > 0 ? 'replay' : 'good';
    log(tone, `Resumed by ${label} after ${away.cursor}: away ${took}, ${news}`);
  }
  if (batch) batch.done = performance.now();
  batch = away = null;
}

const STATE_TEXTS = {
  connecting: ({ transport }) => `Connecting by ${LABELS[transport]}`,
  replaying: ({ transport }) => `Replaying by ${LABELS[transport]}`,
  live: ({ transport }) => `Live by ${LABELS[transport]}`,
  waiting: () => 'Waiting to reconnect',
  offline: () => 'Offline',
  closed: () => 'Closed',
};

/** The status is announced, so it must not flicker: what passes quickly is not shown. */
let statusTimer = null;
function showState(report) {
  const { state, transport } = report;
  const show = () => {
    $('status').dataset.state = state;
    setText($('status-text'), STATE_TEXTS[state](report));
  };
  clearTimeout(statusTimer);
  if (state === 'connecting' || state === 'replaying') statusTimer = setTimeout(show, 300);
  else show();
  for (const input of document.querySelectorAll('#transport-choice input')) {
    const used = state === 'live' && input.value === transport;
    input.parentElement.toggleAttribute('data-used', used);
  }
  document.documentElement.dataset.state = state;
}

const subscription = client.subscribe(`${PREFIX}/#`, {
  after: HISTORY,
  backoff: BACKOFF,
  onMessage: takeMessage,
  onState: takeState,
  onGap: ({ requested, resumed, reason }) => {
    log('bad', `The hub reports a gap (${reason}): from ${requested} to ${resumed}`);
  },
});

// ---- figures and frames ------------------------------------------------------------------------

/** Places in the charts, as far as they are visible, where something is missing. */
function countHoles() {
  const from = now() - WINDOW_MS;
  const lost = (track) => track.points.filter((point) => point.lost && point.t >= from).length;
  return [...tracks.values()].reduce((sum, track) => sum + lost(track), 0);
}

const now = () => Date.now() - skew - LAG_MS;

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function showFigures() {
  const demo = window.__demo;
  const since = performance.now() - 2_000;
  arrivals = arrivals.filter((time) => time >= since);
  setFigure($('rate'), Math.round(arrivals.length / 2), '/s');
  const live = subscription.state === 'live' && delays.length > 0;
  const delay = live ? Math.max(0, Math.round(median(delays) - skew)) : '–';
  setFigure($('delay'), delay, live ? 'ms' : '');
  setText($('received'), count(received));
  setText($('cursor'), subscription.cursor ?? '–');
  for (const name of ['gaps', 'duplicates', 'holes']) {
    setText($(name), count(demo[name]));
    $(name).parentElement.toggleAttribute('data-bad', demo[name] > 0);
  }
  Object.assign(document.documentElement.dataset, demo.all());
  $('no-data').hidden = subscription.state !== 'live' || performance.now() - lastPoint < NO_DATA_MS;
}

function tick() {
  const oldest = now() - KEPT_MS;
  for (const track of tracks.values()) track.forget(oldest);
  while (batches[0] && batches[0].strength() <= 0) batches.shift();
  for (const chart of charts) chart.describe(false);
  showFigures();
}

let drawnAt = 0;
function frame(time) {
  requestAnimationFrame(frame);
  if (time - drawnAt < FRAME_MS - 4) return;
  drawnAt = time;
  for (const chart of charts) chart.draw(now(), batches);
  strip.draw();
}

/** For tests: what this page has counted. */
window.__demo = {
  subscription,
  get gaps() { return ledger.gaps; },
  get duplicates() { return ledger.duplicates; },
  get holes() { return countHoles(); },
  get received() { return received; },
  get transport() { return subscription.transport; },
  get cursor() { return subscription.cursor; },
  get state() { return subscription.state; },
  get reported() { return subscription.stats.gaps; },
  /** What the rate counts, and what of all that was received was replayed. */
  counts: () => ({ received, replayed: replayedInAll, counted: arrivals.length }),
  all() {
    const { gaps, duplicates, holes, received: messages, transport, cursor, state } = this;
    return { gaps, duplicates, holes, received: messages, transport, cursor, state };
  },
};

// ---- buttons -----------------------------------------------------------------------------------

$('transport-choice').addEventListener('change', ({ target }) => {
  log('', `You chose ${target.value === 'auto' ? 'the best transport' : LABELS[target.value]}`);
  subscription.setTransport(target.value);
});

$('drop').addEventListener('click', () => {
  log('', 'You dropped the connection');
  subscription.reconnect();
});

$('offline').addEventListener('click', ({ currentTarget: button }) => {
  const label = button.textContent;
  let left = OFFLINE_S;
  log('', `You went offline for ${OFFLINE_S} s`);
  subscription.pause();
  $('drop').disabled = button.disabled = true;
  const countDown = () => {
    button.textContent = `Back in ${left} s`;
    if (left-- > 0) return setTimeout(countDown, 1_000);
    button.textContent = label;
    $('drop').disabled = button.disabled = false;
    return subscription.resume();
  };
  countDown();
});

$('publish').addEventListener('submit', async (event) => {
  event.preventDefault();
  const field = $('publish-text');
  const result = $('publish-result');
  const started = performance.now();
  const text = field.value;
  field.value = '';
  result.className = 'result';
  try {
    const { id } = await client.publish(`${PREFIX}/chat`, text);
    result.textContent = `Stored as ${id} in ${seconds(performance.now() - started)}`;
  } catch (error) {
    result.className = 'result bad';
    result.textContent = `Not published: ${error.message}`;
    if (field.value === '') field.value = text;
  }
});

/** What was said before: one long-poll that does not wait is a page of history. */
async function readChat() {
  const answer = await fetch(`/t/${PREFIX}/chat?after=-${CHAT_MAX}&wait=0&format=envelope`);
  if (answer.ok) chat.add(...(await answer.json()).messages);
}

const quoted = (path) => (/^[\w./-]+$/.test(path) ? path : `'${path}'`);

/** Where longwirectl and the socket are, the publisher has told. */
async function readAbout() {
  const answer = await fetch(`/t/${PREFIX}/about?after=-1&wait=0&format=envelope`);
  const [about] = answer.ok ? (await answer.json()).messages : [];
  if (about) $('ctl').textContent = `${quoted(about.data.longwirectl)} -s ${quoted(about.data.socket)}`;
}

$('origin-sse').textContent = $('origin-post').textContent = location.origin;
readPalette();
matchMedia('(prefers-color-scheme: light)').addEventListener('change', readPalette);
readChat().catch(() => {}); // the charts say whether the hub is there
readAbout().catch(() => {});
setInterval(tick, FIGURES_MS);
setInterval(() => charts.forEach((chart) => chart.describe(true)), DESCRIBE_MS);
requestAnimationFrame(frame);
