"use strict";
const $ = id => document.getElementById(id);
const canvas = $("view");
const LEFT = 84, RIGHT = 12, TOP = 22, BOTTOM = 40, GRAB = 7, KEPT = 8, LEGEND = 24, LISTED = 5000;
const BESIDE_S = 2, CLIPPED = 10;  // full scale is so many times the largest sample so near the pick, at most
const MARKS = { accepted: "✓", moved: "↔", rejected: "✗" };
const STEPS = [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300];

let picks = [], clock = 11, marked, current = -1, view = null, range = [-30, 30], draft = null, drag = null;
let seen = false;  // whether there is anything to judge: the seismogram, or why there is none
let nudging = null;  // the timer of a move by key, which is an answer unless another key follows soon
let isPart = false;  // whether the list has no room for all picks that are to be shown
const unsaved = new Map();  // answers that the server has not confirmed, by pick
const items = new Map();  // rows of the list, by pick
const indices = new Map();  // of picks, by ID
const kept = new Map();  // views that were read, the newest last

async function ask(address, body) {
  // With keepalive a request is sent even if the page is closed.
  const options = body &&
    { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const reply = await fetch(address, options);
  const found = await reply.json().catch(() => ({ error: `the server answered ${reply.status}` }));
  if (!reply.ok) throw new Error(found.error);
  return found;
}

function say(text, isError = false) {
  $("message").textContent = text;
  $("message").classList.toggle("error", isError);
}

const utc = (pick, offset) => new Date(Math.round(pick.time_us / 1000 + offset * 1000)).toISOString();
const saidTime = pick => pick.said_offset_s ? utc(pick, pick.said_offset_s) : pick.time;

// Year and date are in the list where picks differ in them; `clock` is where what they share ends.
const shared = () => [11, 5].find(length => new Set(picks.map(pick => saidTime(pick).slice(0, length))).size < 2) ?? 0;

// The list of picks.
function matches(pick) {
  const which = $("which").value;
  return which === "all" || (which === "open" ? !pick.status : pick.status === which);
}

function row(pick, index) {
  const item = document.createElement("li");
  item.dataset.index = index;
  item.title = pick.id;
  for (const name of ["mark", "name", "clock"]) {
    const cell = document.createElement("span");
    cell.className = name;
    item.append(cell);
  }
  fill(item, index);
  return item;
}

function fill(item, index) {
  const pick = picks[index];
  const mark = unsaved.get(index)?.error ? "!" : MARKS[pick.status] ?? "";
  const texts = [mark, `${pick.said_phase} ${pick.station}`, utc(pick, pick.said_offset_s).slice(clock, 19).replace("T", " ")];
  texts.forEach((text, k) => { item.children[k].textContent = text; });
}

// It has room for so many, those around the current one: with 100,000 a browser takes half a minute to show it.
function list() {
  const chosen = [...picks.keys()].filter(index => matches(picks[index]));
  const before = chosen.filter(index => index < current).length;
  const first = Math.max(0, Math.min(before - LISTED / 2, chosen.length - LISTED));
  isPart = chosen.length > LISTED;
  items.clear();
  for (const index of chosen.slice(first, first + LISTED)) items.set(index, row(picks[index], index));
  $("list").replaceChildren(...items.values());
  count();
  markCurrent();
}

function relist(index) {
  const before = clock;
  clock = shared();  // a pick may be moved over midnight
  if (clock !== before) items.forEach((item, at) => fill(item, at));
  else if (items.has(index)) fill(items.get(index), index);
  count();
}

function count() {
  const done = picks.filter(pick => pick.status).length;
  const part = isPart ? ` The list shows ${LISTED} around the current one.` : "";
  $("progress").textContent = `${done} of ${picks.length} picks have an answer.${part}`;
}

function markCurrent() {
  marked?.removeAttribute("aria-current");
  marked = items.get(current);
  marked?.setAttribute("aria-current", "true");
  marked?.scrollIntoView({ block: "nearest" });
}

// The pick that is looked at.
function bandText() {
  const chosen = $("band").value;
  return chosen === "custom" ? `${$("low").value}-${$("high").value}` : chosen;
}

function floats(text) {
  return new Float32Array(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
}

function read(pick) {
  const half = $("length").value;
  const address = `waveform?pick=${encodeURIComponent(pick.id)}&before=${half}&after=${half}` +
    `&band=${encodeURIComponent(bandText())}`;
  if (!kept.has(address)) {
    const reading = ask(address).then(found => {
      for (const component of found.components) component.samples = floats(component.samples);
      for (const trace of found.probabilities) trace.values = floats(trace.values);
      found.probability_times_s = floats(found.probability_times_s);
      return found;
    });
    reading.catch(() => kept.delete(address));
    kept.set(address, reading);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  }
  return kept.get(address);
}

async function open(index, { keepRange = false } = {}) {
  if (index < 0 || index >= picks.length) return;
  settle();
  const pick = picks[index];
  current = index;
  draft = saidOf(index);
  view = null;
  seen = false;
  if (!keepRange) range = [-Number($("length").value), Number($("length").value)];
  if (isPart && !items.has(current)) list(); else markCurrent();
  describe();
  say("reading …");
  draw();
  try {
    const found = await read(pick);
    if (current !== index) return;
    view = found;
    seen = true;
    say("");
    draw();
    if (index + 1 < picks.length) read(picks[index + 1]).catch(() => {});
  } catch (error) {
    if (current !== index) return;
    seen = true;
    say(error.message, true);
  }
}

// What the analyst says of a pick, be it saved yet or not.
function saidOf(index) {
  const { said_phase, said_offset_s, status } = picks[index];
  const { phase, offset, rejected } =
    unsaved.get(index) ?? { phase: said_phase, offset: said_offset_s, rejected: status === "rejected" };
  return { phase, offset, rejected };
}

function isSaid() {
  const said = saidOf(current);
  return draft.phase === said.phase && draft.offset === said.offset;
}

const isSaved = () => isSaid() && !unsaved.has(current);

function describe() {
  const pick = picks[current];
  const at = utc(pick, draft.offset);
  const status = isSaved() ? pick.status || "no answer yet" : "not saved";
  $("title").textContent = `${draft.phase} on ${pick.station} at ${at.slice(0, 10)} ${at.slice(11, 23)} UTC`;
  const facts = [`${current + 1} of ${picks.length}`, pick.channel];
  if (pick.probability !== null) facts.push(`probability ${pick.probability.toFixed(2)}`);
  if (pick.snr_db !== null) facts.push(`SNR ${pick.snr_db.toFixed(1)} dB`);
  if (pick.uncertainty_s !== null) facts.push(`± ${pick.uncertainty_s.toFixed(2)} s`);
  if (draft.offset) facts.push(`moved by ${draft.offset > 0 ? "+" : ""}${draft.offset.toFixed(3)} s`);
  facts.push(status);
  $("facts").textContent = facts.join(" · ");
  for (const phase of ["P", "S"]) $(`phase-${phase}`).setAttribute("aria-pressed", draft.phase === phase);
  $("accept").setAttribute("aria-pressed", status === "accepted" || status === "moved");
  $("reject").setAttribute("aria-pressed", status === "rejected");
}

// Answers are sent one after the other, in the order in which they were given.
let sending = Promise.resolve();
function answer(rejected, advance) {
  if (!seen) return;
  const index = current;
  const said = { ...draft, rejected };
  clearTimeout(nudging);
  nudging = drag = null;
  unsaved.set(index, said);
  sending = sending.then(() => send(index, said));
  describe();
  if (advance) open(following(index, 1));
}

async function send(index, said) {
  const { id, status, said_phase, said_offset_s } = picks[index];
  const before = [status, said_phase, said_offset_s];
  try {
    picks[index] = await ask("answer", { id, phase: said.phase, offset_s: said.offset, rejected: said.rejected, before });
    if (unsaved.get(index) === said) unsaved.delete(index);
    if (current === index) say(`${picks[index].status}: saved`);
  } catch (error) {
    said.error = `${id}: ${error.message}`;
  }
  // This stays until the pick has an answer that is saved, whatever else there is to say.
  const failed = [...unsaved.values()].filter(other => other.error);
  const more = failed.length > 1 ? `; and ${failed.length - 1} more` : "";
  $("unsaved").textContent = `NOT saved: ${failed[0]?.error}${more}`;
  $("unsaved").hidden = !failed.length;
  relist(index);
  if (current !== index) return;
  describe();
  draw();
}

// What was moved is an answer once the analyst turns to something else.
function settle() {
  const moved = nudging !== null || drag?.onset;
  clearTimeout(nudging);
  nudging = drag = null;
  if (moved && !isSaid()) answer(false, false);
}

addEventListener("beforeunload", event => {
  settle();
  if (unsaved.size) event.preventDefault();  // the browser asks whether to leave
});
addEventListener("pagehide", settle);  // which some browsers send alone

function following(index, step, open_only = false) {
  for (let at = index + step; at >= 0 && at < picks.length; at += step) {
    if (open_only ? !picks[at].status : matches(picks[at])) return at;
  }
  return -1;
}

// Drawing: seconds from the pick across, one panel a component, probabilities below.
const width = () => canvas.clientWidth - LEFT - RIGHT;
const xOf = t => LEFT + (t - range[0]) / (range[1] - range[0]) * width();
const tOf = x => range[0] + (x - LEFT) / width() * (range[1] - range[0]);

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = name => style.getPropertyValue(`--${name}`).trim();
  return { ink: of("ink"), soft: of("soft"), rule: of("rule"), band: of("band"),
    phase: name => of(name[0] === "P" ? "p" : name[0] === "S" ? "s" : name === "noise" ? "noise" : "other") };
}

const dash = name => (name[0] === "P" ? [] : name[0] === "S" ? [6, 3] : [2, 2]);

function draw() {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "12px system-ui, sans-serif";
  const look = colours(), height = canvas.clientHeight - TOP - BOTTOM;
  canvas.dataset.onset = draft ? xOf(draft.offset) : "";
  canvas.dataset.ready = view !== null;
  if (!view) return;
  const n = view.components.length, parts = n + (view.probabilities.length ? .8 : 0);
  const size = height / parts;
  view.components.forEach((component, k) => samples(pen, look, component, TOP + k * size, size));
  if (view.probabilities.length) probabilities(pen, look, TOP + n * size, .8 * size);
  axis(pen, look, TOP + height);
  for (const pick of view.picks) {
    if (pick.id === picks[current].id) continue;
    const { phase, offset, rejected } = saidOf(indices.get(pick.id));
    const label = rejected ? `${MARKS.rejected} ${phase}` : phase;
    onset(pen, look, pick.at_s + offset, phase, height, { label, faint: rejected });
  }
  if (draft.offset) onset(pen, look, 0, picks[current].phase, height, { label: "original", faint: true });
  const spread = picks[current].uncertainty_s;
  onset(pen, look, draft.offset, draft.phase, height, { label: draft.phase, own: true, spread });
}

function samples(pen, look, component, top, size) {
  const { samples: y, step_s } = component;
  const low = Math.max(0, Math.floor((range[0] - view.start_s) / step_s) - 1);
  const high = Math.min(y.length, Math.ceil((range[1] - view.start_s) / step_s) + 2);
  let sum = 0, known = 0;
  for (let i = low; i < high; i++) if (!Number.isNaN(y[i])) { sum += y[i]; known++; }
  const mean = sum / known;
  let most = 0, beside = 0;
  for (let i = low; i < high; i++) {
    const height = Math.abs(y[i] - mean) || 0;
    most = Math.max(most, height);
    if (Math.abs(view.start_s + i * step_s) < BESIDE_S) beside = Math.max(beside, height);
  }
  if (beside) most = Math.min(most, CLIPPED * beside);
  const middle = top + size / 2, scale = .46 * size / (most || 1);
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, top, width(), size);
  pen.clip();
  pen.strokeStyle = look.ink;
  pen.lineWidth = .9;
  pen.beginPath();
  let down = false;
  for (let i = low; i < high; i++) {
    if (Number.isNaN(y[i])) { down = false; continue; }
    const x = xOf(view.start_s + i * step_s), at = middle - (y[i] - mean) * scale;
    if (down) pen.lineTo(x, at); else pen.moveTo(x, at);
    down = true;
  }
  pen.stroke();
  pen.restore();
  frame(pen, look, top, size);
  label(pen, look.ink, component.name, LEFT - 8, middle - 2, "right");
  label(pen, look.soft, `±${most >= .01 && most < 1e4 ? most.toPrecision(2) : most.toExponential(1)}`, LEFT - 8, middle + 13, "right");
}

function probabilities(pen, look, top, size) {
  frame(pen, look, top, size);
  const times = view.probability_times_s;
  view.probabilities.forEach((trace, k) => {
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, top, width(), size);
    pen.clip();
    pen.strokeStyle = look.phase(trace.name);
    pen.setLineDash(dash(trace.name));
    pen.lineWidth = 1.4;
    pen.beginPath();
    trace.values.forEach((p, i) => {
      const x = xOf(times[i]), y = top + size * .97 - p * (size * .97 - LEGEND);
      // Where nothing was said, for want of samples, the line breaks.
      if (i && times[i] - times[i - 1] < 1.5 * (times[1] - times[0])) pen.lineTo(x, y); else pen.moveTo(x, y);
    });
    pen.stroke();
    pen.restore();
    label(pen, look.phase(trace.name), trace.name, LEFT + 8 + 56 * k, top + 14, "left");
  });
  label(pen, look.soft, "probability", LEFT - 4, top + size / 2 + 4, "right");
}

function frame(pen, look, top, size) {
  pen.strokeStyle = look.rule;
  pen.lineWidth = 1;
  pen.strokeRect(LEFT + .5, Math.round(top) + .5, width(), Math.round(size));
}

function label(pen, colour, text, x, y, align) {
  pen.fillStyle = colour;
  pen.textAlign = align;
  pen.fillText(text, x, y);
}

function axis(pen, look, y) {
  const step = STEPS.find(s => (range[1] - range[0]) / s <= Math.max(2, width() / 110)) ?? STEPS.at(-1);
  const origin = picks[current].time_us / 1e6;
  const digits = step < 1 ? 23 : 19;
  pen.strokeStyle = look.soft;
  for (let at = Math.ceil((origin + range[0]) / step) * step; at <= origin + range[1]; at += step) {
    const x = xOf(at - origin);
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(x, y + 5);
    pen.stroke();
    const text = new Date(Math.round(at * 1000)).toISOString().slice(11, digits);
    const last = canvas.clientWidth - pen.measureText(text).width / 2 - 2;  // not beyond the edge
    label(pen, look.soft, text, Math.min(x, last), y + 18, "center");
  }
  const days = new Set(range.map(offset => utc(picks[current], offset).slice(0, 10)));
  label(pen, look.soft, `Time (UTC) on ${[...days].join(" to ")}`, LEFT + width() / 2, y + 35, "center");
}

function onset(pen, look, at, phase, height, { label: text, own = false, faint = false, spread = null }) {
  if (at < range[0] || at > range[1]) return;
  const x = xOf(at), colour = look.phase(phase);
  pen.save();
  if (spread) {
    pen.globalAlpha = .18;
    pen.fillStyle = colour;
    pen.fillRect(xOf(at - spread), TOP, xOf(at + spread) - xOf(at - spread), height);
  }
  pen.globalAlpha = faint ? .55 : 1;
  pen.strokeStyle = colour;
  pen.lineWidth = own ? 2.2 : 1.1;
  pen.setLineDash(faint ? [1, 3] : dash(phase));
  pen.beginPath();
  pen.moveTo(x, TOP);
  pen.lineTo(x, TOP + height);
  pen.stroke();
  if (own) {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.moveTo(x - 6, TOP - 7);
    pen.lineTo(x + 6, TOP - 7);
    pen.lineTo(x, TOP + 3);
    pen.fill();
  }
  // A P is followed by its S: their names part to either side.
  const side = phase[0] === "P" ? -1 : 1;
  label(pen, colour, text, own ? x + 10 * side : x, TOP - 5, !own ? "center" : side < 0 ? "right" : "left");
  pen.restore();
}

// Moving, zooming, panning.
function zoom(factor, about) {
  const span = Math.min(2 * Number($("length").value), Math.max(.2, (range[1] - range[0]) * factor));
  const share = (about - range[0]) / (range[1] - range[0]);
  range = [about - share * span, about + (1 - share) * span];
  draw();
}

function move(offset) {
  const limit = Math.max(Math.min(60, Number($("length").value)), Math.abs(draft.offset));
  draft.offset = Math.round(Math.max(-limit, Math.min(limit, offset)) * 1e6) / 1e6;
  describe();
  draw();
}

const near = event => draft && Math.abs(event.offsetX - xOf(draft.offset)) <= GRAB;

canvas.addEventListener("pointerdown", event => {
  if (!view || event.button !== 0) return;
  settle();
  drag = { onset: near(event), x: event.offsetX, range: [...range], offset: draft.offset };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", event => {
  if (!drag) { canvas.style.cursor = near(event) ? "ew-resize" : "grab"; return; }
  const seconds = (event.offsetX - drag.x) / width() * (range[1] - range[0]);
  if (drag.onset) move(drag.offset + seconds);
  else { range = drag.range.map(t => t - seconds); draw(); }
});
canvas.addEventListener("pointerup", settle);
canvas.addEventListener("pointercancel", () => {
  if (drag?.onset) move(drag.offset);
  drag = null;
});
canvas.addEventListener("wheel", event => {
  event.preventDefault();
  if (view) zoom(Math.exp(event.deltaY / 400), tOf(event.offsetX));
}, { passive: false });

function setPhase(phase) {
  if (!seen || draft.phase === phase && isSaved() && picks[current].status) return;
  draft.phase = phase;
  describe();
  draw();
  answer(false, false);
}

const go = step => open(following(current, step));
const KEYS = {
  a: () => answer(false, true),
  r: () => answer(true, true),
  p: () => setPhase("P"),
  s: () => setPhase("S"),
  n: () => open(following(current, 1, true)),
  ArrowRight: () => go(1),
  ArrowDown: () => go(1),
  ArrowLeft: () => go(-1),
  ArrowUp: () => go(-1),
  Escape: () => {
    clearTimeout(nudging);
    nudging = drag = null;
    draft = { phase: picks[current].phase, offset: 0 };
    describe();
    draw();
    say("a accepts the original onset");
  },
  "+": () => zoom(.5, draft.offset),
  "=": () => zoom(.5, draft.offset),
  "-": () => zoom(2, draft.offset),
  0: () => { range = [-Number($("length").value), Number($("length").value)]; draw(); },
};
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || current < 0) return;
  if (event.target.closest("select, input")) return;
  if (event.shiftKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    event.preventDefault();
    if (!view) return;
    move(draft.offset + (event.key === "ArrowRight" ? 1 : -1) / view.sampling_rate_hz);
    clearTimeout(nudging);
    nudging = setTimeout(settle, 400);
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const act = KEYS[key];
  if (!act || event.repeat && "arps".includes(key)) return;
  event.preventDefault();
  act();
});

for (const [id, act] of [["accept", KEYS.a], ["reject", KEYS.r], ["phase-P", KEYS.p], ["phase-S", KEYS.s],
  ["original", KEYS.Escape], ["previous", KEYS.ArrowLeft], ["next", KEYS.ArrowRight]]) {
  $(id).addEventListener("click", () => { if (current >= 0) act(); });
}
$("list").addEventListener("click", event => {
  const item = event.target.closest("li");
  if (item) open(Number(item.dataset.index));
});
$("which").addEventListener("change", list);
$("length").addEventListener("change", () => open(current));
$("band").addEventListener("change", () => {
  $("custom").hidden = $("band").value !== "custom";
  open(current, { keepRange: true });
});
for (const id of ["low", "high"]) $(id).addEventListener("change", () => open(current, { keepRange: true }));
for (const id of ["which", "length", "band"]) $(id).addEventListener("change", () => $(id).blur());
new ResizeObserver(() => draw()).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

ask("picks").then(found => {
  picks = found;
  clock = shared();
  picks.forEach((pick, index) => indices.set(pick.id, index));
  list();
  if (!picks.length) {
    $("title").textContent = "The file holds no picks.";
    return;
  }
  const first = following(-1, 1, true);
  open(first < 0 ? 0 : first);
}).catch(error => say(error.message, true));
