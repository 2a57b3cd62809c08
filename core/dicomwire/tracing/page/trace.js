"use strict";
// Draws what is in the element "data": trace_page.py makes it.  Text goes into the page as text, never as HTML.
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
// The order of a row, as trace_page.py has it; times are seconds.
const [AT, BEFORE, WITHIN, IS_LIKE_ACK, WHO, LENGTH, LABEL, NOTE, TONE, LINES, BYTES] = Array(11).keys();
const SIDES = ["requestor", "acceptor"];
const WORTH_TELLING = 0.010; // seconds; also in waiting.py
const CHUNK = 250;
const AT_ONCE = 3000, FIRST = 40; // rows and associations that are drawn unasked
const FOLDED = 4; // parts of a data set that follow each other are one row, from so many on
const MOST_WAITS = 6;
const SVG = "http://www.w3.org/2000/svg";

// -- small things ----------------------------------------------------------------------------------------------------
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "class") element.className = value;
    else if (typeof value === "function") element.addEventListener(key, value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}
// To make one takes longer than to draw a row.
const formats = [0, 1, 2].map((digits) => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
const number = (value, digits = 0) => formats[digits].format(value);
function bytes(count) {
  if (count < 10000) return `${number(count)} B`;
  return count < 1 << 20 ? `${number(count / 1024, 1)} KiB` : `${number(count / (1 << 20), 1)} MiB`;
}
function seconds(value) {
  if (value < 0.0995) return `${number(value * 1e3, 1)} ms`;
  if (value < 1) return `${number(value * 1e3)} ms`;
  return value < 60 ? `${number(value, 2)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}
const many = (count, what) => `${number(count)} ${what}${count === 1 ? "" : "s"}`;
const longest = (row) => Math.max(row[BEFORE], row[WITHIN]);
const isWait = (row) => longest(row) >= WORTH_TELLING;

// -- what is in a PDU ------------------------------------------------------------------------------------------------
function fields(lines) {
  return lines.map((line) => {
    const text = line.trimStart();
    const element = make("div", { class: line === text ? "field head" : "field" });
    element.style.paddingLeft = `${(line.length - text.length) * 0.6}rem`;
    const colon = text.indexOf(": ");
    if (colon > 0) element.append(make("span", { class: "name" }, text.slice(0, colon + 1)), ` ${text.slice(colon + 2)}`);
    else element.append(text);
    return element;
  });
}
function hex(runs) {
  const wide = matchMedia("(min-width: 860px)").matches ? 16 : 8;
  const shown = make("pre", { class: "hex" });
  let offset = 0;
  const lines = [];
  for (const [digits, left, why] of runs) {
    const pairs = digits.match(/../g) || [];
    for (let start = 0; start < pairs.length; start += wide) {
      const some = pairs.slice(start, start + wide);
      const text = some.map((pair) => { const code = parseInt(pair, 16); return code > 31 && code < 127 ? String.fromCharCode(code) : "."; });
      lines.push(make("span", { class: "at" }, (offset + start).toString(16).padStart(5, "0")),
        `  ${some.join(" ").padEnd(wide * 3)} ${text.join("")}\n`);
    }
    offset += pairs.length + left;
    if (left) lines.push(make("span", { class: "out" }, `       ... ${many(left, "byte")} ${why}\n`));
  }
  shown.append(...lines);
  return shown;
}
function panel(row) {
  const made = make("div", { class: "panel" }, make("div", {}, make("h4", {}, "Fields"), ...fields(row[LINES])));
  if (row[BYTES].length) made.append(make("div", {}, make("h4", {}, "Bytes"), hex(row[BYTES])));
  return made;
}

// -- the ladder ------------------------------------------------------------------------------------------------------
const model = make("li", {}, make("button", { class: "pdu", type: "button", "aria-expanded": "false" },
  make("span", { class: "time" }),
  make("span", { class: "lane" },
    make("span", { class: "what" }, make("span", { class: "only-heard" }), make("b"), make("span")),
    make("span", { class: "arrow", "aria-hidden": "true" })),
  make("span", { class: "size" })));
const contents = new WeakMap(); // of buttons: makes what they unfold

function pdu(row, label, note, tone, unfolded) {
  const item = model.cloneNode(true);
  const button = item.firstChild, [time, lane, size] = button.children, [heard, name, more] = lane.firstChild.children;
  item.className = `from${row[WHO]}`;
  time.textContent = `+${row[AT].toFixed(6)}`;
  heard.textContent = `${SIDES[row[WHO]]}: `;
  name.textContent = label;
  more.textContent = note;
  more.className = `note ${tone}`;
  size.textContent = bytes(row[LENGTH]);
  contents.set(button, unfolded);
  return item;
}
function unfold(button) {
  const item = button.parentElement, isOpen = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isOpen));
  if (isOpen) item.lastChild.remove();
  else item.append(contents.get(button)());
}
function gap(row) {
  const isWithin = row[WITHIN] > row[BEFORE], wait = longest(row);
  const lane = make("span", { class: "lane" }, make("b", {}, seconds(wait)));
  const who = row[WHO] > 1 ? "until this" : isWithin ? `until the rest of it came from the ${SIDES[row[WHO]]}` : `waiting for the ${SIDES[row[WHO]]}`;
  lane.append(make("span", { class: "why" }, who));
  if (row[IS_LIKE_ACK]) lane.append(make("span", { class: "hint" }, "as long as a delayed acknowledgement"));
  // The longer, the higher: 10 ms is a line, 10 s about five.
  lane.style.minHeight = `${Math.min(8, 2.1 + Math.log10(wait / WORTH_TELLING) * 1.2)}rem`;
  return make("li", { class: `gap wait${row[WHO]}`, tabindex: "-1" }, make("span", { class: "time" }), lane);
}
function single(row) {
  if (row[WHO] > 1) {
    return make("li", { class: "event" }, make("span", { class: "time" }, `+${row[AT].toFixed(6)}`), make("span", { class: "lane" }, row[LABEL]));
  }
  return pdu(row, row[LABEL], row[NOTE], row[TONE], () => panel(row));
}
function group(rows) {
  const first = rows[0], last = rows[rows.length - 1];
  const length = rows.reduce((sum, row) => sum + row[LENGTH], 0), time = last[AT] - first[AT];
  const rate = time > 0 ? `, ${bytes((length - first[LENGTH]) / time)}/s` : "";
  const whole = [...first];
  whole[LENGTH] = length;
  const item = pdu(whole, first[LABEL].replace(", part", `, ${number(rows.length)} parts`), `in ${seconds(time)}${rate}`, "",
    () => make("ol", { class: "ladder" }, ...rows.map(single)));
  item.classList.add("group");
  return item;
}
function* items(rows) {
  for (let index = 0; index < rows.length;) {
    const row = rows[index];
    if (isWait(row)) { const made = gap(row); places.set(row, made); yield made; }
    let end = index + 1;
    if (row[TONE] === "bulk") {
      while (end < rows.length && rows[end][TONE] === "bulk" && rows[end][WHO] === row[WHO] && !isWait(rows[end])) end += 1;
    }
    if (end - index >= FOLDED) yield group(rows.slice(index, end));
    else { yield single(row); end = index + 1; }
    index = end;
  }
}
const places = new Map(); // of rows that were waited for: where the wait is drawn
let busy = 0;
function ladder(association, into) {
  const made = items(association.rows);
  busy += 1;
  function some() {
    const until = performance.now() + 80;
    do {
      const list = make("ol", { class: association.rows.length > CHUNK ? "ladder chunk" : "ladder" });
      for (let count = 0; count < CHUNK; count += 1) {
        const next = made.next();
        if (next.done) {
          into.append(list);
          busy -= 1;
          if (!busy) document.documentElement.dataset.drawn = performance.now().toFixed(0);
          return;
        }
        list.append(next.value);
      }
      into.append(list);
    } while (performance.now() < until);
    setTimeout(some);
  }
  some();
}
function goTo(place) {
  if (!place) return;
  place.scrollIntoView({ block: "center" });
  place.focus({ preventScroll: true });
}

// -- over time -------------------------------------------------------------------------------------------------------
function bars(association, side, buckets, most) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 1000 100");
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("aria-hidden", "true");
  const width = 1000 / buckets.length;
  const path = buckets.map((count, index) => {
    if (!count) return "";
    const height = Math.max(5, 100 * Math.sqrt(count / most)), x = (index * width).toFixed(1), w = Math.max(2, width * 0.85).toFixed(1);
    return side ? `M${x} 0h${w}v${height.toFixed(1)}h-${w}z` : `M${x} 100h${w}v-${height.toFixed(1)}h-${w}z`;
  }).join("");
  for (const [name, d] of [[`bar${side}`, path], ["base", side ? "M0 0H1000" : "M0 100H1000"]]) {
    const shape = document.createElementNS(SVG, "path");
    shape.setAttribute("class", name);
    shape.setAttribute("d", d);
    picture.append(shape);
  }
  return picture;
}
function overTime(association, waits) {
  const total = association.seconds || 1e-6, step = total / 160;
  const counts = [new Array(160).fill(0), new Array(160).fill(0)];
  for (const row of association.rows) {
    if (row[WHO] < 2) counts[row[WHO]][Math.max(0, Math.min(159, Math.floor(row[AT] / step)))] += row[LENGTH];
  }
  const most = Math.max(1, ...counts[0], ...counts[1]);
  const strip = make("div", { class: "strip" });
  for (const row of waits.slice(0, 200)) {
    const wait = longest(row), end = row[AT] - (row[BEFORE] > row[WITHIN] ? row[WITHIN] : 0);
    const block = make("button", { type: "button", tabindex: "-1", "aria-hidden": "true", title: `${seconds(wait)} at +${row[AT].toFixed(3)} s`, click: () => goTo(places.get(row)) });
    block.style.left = `${Math.max(0, (end - wait) / total * 100)}%`;
    block.style.width = `${wait / total * 100}%`;
    if (wait / total > 0.09) block.textContent = seconds(wait);
    strip.append(block);
  }
  const [ours, theirs] = association.waited;
  // Over less than that it is how fast a program fills a buffer.
  const rate = step < 0.001 ? "" : `, at most ${bytes(most / step)}/s, measured over ${seconds(step)}`;
  const caption = `${bytes(association.bytes[0])} from the requestor and ${bytes(association.bytes[1])} from the acceptor in ${seconds(association.seconds)}${rate}. ` +
    `The requestor was waited for ${seconds(ours)}, the acceptor ${seconds(theirs)}.`;
  return make("figure", {}, make("div", { class: "chart" },
    make("span", { class: "name requestor" }, "requestor sends"), bars(association, 0, counts[0], most),
    make("span", { class: "name acceptor" }, "acceptor sends"), bars(association, 1, counts[1], most),
    make("span", { class: "name" }, "waiting"), strip,
    make("span"), make("div", { class: "axis" }, make("span", {}, "0 s"), make("span", {}, seconds(total / 2)), make("span", {}, seconds(total)))),
  make("figcaption", {}, caption));
}

// -- an association --------------------------------------------------------------------------------------------------
const facts = (pairs) => make("dl", { class: "facts" }, ...pairs.map(([name, value, kind]) =>
  make("div", { class: kind || "" }, make("dt", {}, name), make("dd", {}, value))));
const uid = ([name, value]) => [name, ...(name === value ? [] : [make("span", { class: "uid" }, value)])];

function contexts(found) {
  const body = found.map(([id, abstract, syntaxes, outcome, isAccepted]) => make("tr", {},
    make("td", { "data-name": "Context" }, String(id)), make("td", {}, ...uid(abstract)),
    make("td", { "data-name": "Proposed" }, syntaxes.map(([name]) => name).join(", ")),
    make("td", {}, make("span", { class: `tag ${isAccepted ? "good" : "bad"}` }, outcome))));
  const head = ["ID", "SOP class", "Proposed transfer syntaxes", "Answer"].map((name) => make("th", { scope: "col" }, name));
  const whole = make("details", {}, make("summary", {}, many(found.length, "presentation context")),
    make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body)));
  whole.open = found.length <= 12;
  return whole;
}
const isBad = (association) => /^(abort|reject|closed)/.test(association.end);
const titles = (association) => association.titles.map((title) => title || "?");

function section(association, index, isDrawn) {
  const id = `a${index + 1}`, [calling, called] = titles(association);
  const rows = association.rows, waits = rows.filter(isWait).sort((one, other) => longest(other) - longest(one));
  const made = make("section", { class: "association", id, "aria-labelledby": `${id}-title` },
    make("h2", { id: `${id}-title`, tabindex: "-1" }, make("span", { class: "requestor" }, calling), " to ", make("span", { class: "acceptor" }, called)),
    make("p", { class: "quiet" }, [association.places.filter(Boolean).join(" to "), association.when, `recorded by the ${SIDES[association.recorder]}`].filter(Boolean).join(", ")));
  made.append(facts([["End", association.end, isBad(association) ? "is-bad" : ""], ["Duration", seconds(association.seconds)],
    ["PDUs", number(rows.filter((row) => row[WHO] < 2).length)],
    ["Bytes, each side", `${bytes(association.bytes[0])} / ${bytes(association.bytes[1])}`],
    ["Longest wait", waits.length ? seconds(longest(waits[0])) : "under 10 ms", waits.length ? "is-wait" : ""]]));
  if (isDrawn) return fill(made, association, waits);
  const more = make("button", { class: "more", type: "button", click: () => {
    more.remove();
    fill(made, association, waits);
    made.querySelector(".pdu")?.focus();
  } }, `Show all of it, ${many(rows.length, "row")}`);
  made.append(more);
  return made;
}
function fill(made, association, waits) {
  const [calling, called] = titles(association);
  made.append(make("h3", {}, "What was negotiated"), make("ul", { class: "words" }, ...association.words.map((text) => make("li", {}, text))));
  if (association.contexts.length) made.append(contexts(association.contexts));
  if (association.deviations.length) {
    made.append(make("h3", {}, "Not as the standard has it"), make("ul", { class: "deviations" },
      ...association.deviations.map(([who, what, where]) => make("li", {}, make("b", {}, who), `: ${what} `, make("span", { class: "quiet" }, where)))));
  }
  if (association.seconds > 0) made.append(make("h3", {}, "Over time"), overTime(association, waits));
  if (waits.length) {
    made.append(make("ul", { class: "waits", "aria-label": "Longest waits" }, ...waits.slice(0, MOST_WAITS).map((row) => make("li", {},
      make("button", { type: "button", click: () => goTo(places.get(row)) },
        make("b", {}, seconds(longest(row))), ` for ${row[WHO] > 1 ? "what follows" : `the ${SIDES[row[WHO]]}`} at +${row[AT].toFixed(3)} s`)))));
  }
  const place = make("div", {});
  const side = (who, name) => make("span", { class: SIDES[who] }, make("b", {}, name), make("small", {}, SIDES[who] + (association.recorder === who ? ", recorded here" : "")));
  made.append(make("h3", {}, "Both sides in time"), make("div", { class: "sides" }, side(0, calling), side(1, called)), place);
  ladder(association, place);
  return made;
}
function overview(associations) {
  const nav = document.getElementById("overview");
  nav.hidden = associations.length < 2;
  if (nav.hidden) return;
  nav.append(make("ol", {}, ...associations.map((association, index) => {
    const [calling, called] = titles(association), wait = association.rows.reduce((most, row) => Math.max(most, longest(row)), 0);
    return make("li", {}, make("a", { href: `#a${index + 1}` }, `${calling} to ${called}`), make("span", { class: isBad(association) ? "is-bad" : "" }, association.end),
      make("span", { class: "number" }, seconds(association.seconds)),
      make("span", { class: "number is-wait" }, wait >= WORTH_TELLING ? `wait ${seconds(wait)}` : ""));
  })));
}

// -- the page --------------------------------------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  const button = event.target.closest(".pdu");
  if (button) unfold(button);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const active = document.activeElement;
  if (event.key === "w") {
    const all = [...document.querySelectorAll(".gap")];
    goTo(all.find((place) => active.compareDocumentPosition(place) & Node.DOCUMENT_POSITION_FOLLOWING && place !== active && active !== document.body) || all[0]);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (!active.matches(".pdu, .gap")) return;
    const all = [...active.closest(".association").querySelectorAll(".pdu, .gap")];
    const next = all[all.indexOf(active) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) { event.preventDefault(); next.focus(); }
  } else if (event.key === "Escape" && active.matches(".pdu[aria-expanded=true]")) unfold(active);
});
const isOne = data.associations.length === 1;
document.getElementById("about").textContent = `${many(data.associations.length, "association")}. ` +
  (data.patients ? "Values of data sets are shown: patients may be named here." : "Values of data sets are not shown.") + " Credentials never are.";
document.getElementById("made").textContent = `Made by dicomwire ${data.version}. Times are those of who recorded.`;
overview(data.associations);
const main = document.getElementById("associations");
let drawn = 0;
data.associations.forEach((association, index) => {
  const isDrawn = isOne || index === 0 || (index < FIRST && drawn + association.rows.length <= AT_ONCE);
  drawn += isDrawn ? association.rows.length : 0;
  main.append(section(association, index, isDrawn));
});
if (!main.childElementCount) main.append(make("p", { class: "association" }, "No association is in this file."));
if (data.remarks.length) main.append(make("section", { class: "association", "aria-label": "Notes" }, make("h3", {}, "Notes"), make("ul", { class: "words" }, ...data.remarks.map((text) => make("li", {}, text)))));
if (!busy) document.documentElement.dataset.drawn = performance.now().toFixed(0);
})();
