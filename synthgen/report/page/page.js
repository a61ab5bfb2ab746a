"use strict";
// Shows the records. They are text that a model wrote: they reach the page as text nodes alone, never as markup.
(() => {
  const PER_PAGE = 50;
  const MOST_WORDS = 1500; // of each text that is compared: the table of the comparison grows with the product
  const ID_DIGITS = 4; // fewer are numbers that someone looks for in the texts
  const TEXTS = [
    ["system", "System prompt"], ["history", "Earlier turns"], ["tools_json", "Tools"], ["instruction", "Instruction"],
    ["input", "Input"], ["reasoning", "Reasoning"], ["output", "Output"], ["answers", "Alternative answers"],
  ];
  const SEARCHED = ["instruction", "input", "output", "reasoning", "system", "history", "nearest_text", "detail"];
  // Control, format and private characters; but for line feeds, tabs, and joiners inside words and emoji.
  const UNSEEABLE =
    /(?![\n\t])(?!(?<=[\p{L}\p{M}\p{Extended_Pictographic}\u{1F3FB}-\u{1F3FF}])[\u200C\u200D](?=[\p{L}\p{Extended_Pictographic}]))[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu;
  const WORD = /\s+|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+/gu;

  const by = (id) => document.getElementById(id);
  const number = (value) => value.toLocaleString("en");
  let rows = [];
  let haystacks = [];
  let found = []; // numbers of the rows that search and filters let through
  let at = 0; // the place in `found` of the row in view
  const numberOf = new Map(); // id -> number of its row

  function make(tag, kind, ...children) {
    const node = document.createElement(tag);
    if (kind) node.className = kind;
    node.append(...children.filter((child) => child !== null && child !== ""));
    return node;
  }

  function button(kind, label, action) {
    const node = make("button", kind, label);
    node.type = "button";
    node.addEventListener("click", action);
    return node;
  }

  const label = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

  /** Appends the text; characters that cannot be seen become labels such as U+202E. */
  function write(node, text) {
    let from = 0;
    for (const match of text.matchAll(UNSEEABLE)) {
      node.append(text.slice(from, match.index), make("span", "unseeable", label(match[0])));
      from = match.index + match[0].length;
    }
    node.append(text.slice(from));
    return node;
  }

  const rejected = (row) => "reason" in row;

  // ---------------------------------------------------------------- search and filters

  function fill(id, all, values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    const ranked = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    by(id).append(new Option(all, ""));
    for (const [value, count] of ranked) {
      const name = value === "none" && id === "task" ? "not determined" : value.slice(0, 60).replace(UNSEEABLE, label);
      by(id).append(new Option(`${name} (${number(count)})`, value));
    }
  }

  function apply() {
    const terms = by("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [outcome, stage, reason, task] = ["outcome", "stage", "reason", "task"].map((id) => by(id).value);
    found = [];
    rows.forEach((row, i) => {
      if (outcome && outcome !== (rejected(row) ? "rejected" : "accepted")) return;
      if (stage && stage !== (rejected(row) ? (row.stage ?? "none") : "")) return;
      if (reason && reason !== row.reason) return;
      if (task && task !== (row.task_type ?? "none")) return;
      if (terms.length) {
        haystacks[i] ??= SEARCHED.map((name) => row[name] ?? "").join("\n").toLowerCase();
        const has = (term) => haystacks[i].includes(term) || (term.length >= ID_DIGITS && row.id.startsWith(term));
        if (!terms.every(has)) return;
      }
      found.push(i);
    });
    at = 0;
    show();
  }

  function only(filters) {
    by("controls").reset();
    for (const [id, value] of Object.entries(filters)) by(id).value = value;
    apply();
  }

  // ---------------------------------------------------------------- list and view

  function go(place) {
    if (!found.length) return;
    at = Math.min(Math.max(place, 0), found.length - 1);
    show();
  }

  function show() {
    const first = Math.floor(at / PER_PAGE) * PER_PAGE;
    const last = Math.min(first + PER_PAGE, found.length);
    by("count").textContent = `${number(found.length)} of ${number(rows.length)} records`;
    by("place").textContent = found.length ? `${number(first + 1)}–${number(last)}` : "";
    by("back").disabled = first === 0;
    by("on").disabled = last >= found.length;
    by("previous").disabled = at === 0;
    by("next").disabled = at + 1 >= found.length;
    by("list").replaceChildren(...found.slice(first, last).map((i, k) => item(rows[i], first + k)));
    const current = by("list").querySelector("[aria-current]");
    if (current) {
      const [top, list] = [current.parentElement.offsetTop - by("list").offsetTop, by("list")];
      list.scrollTop = Math.max(0, top - list.clientHeight / 2);
    }
    by("record").replaceChildren(...(found.length ? record(rows[found[at]]) : [make("p", "notice", "No record is like this.")]));
  }

  function item(row, place) {
    const kind = rejected(row) ? "rejected" : "accepted";
    const start = make("span", "start");
    start.dir = "auto";
    write(start, row.instruction?.trim() ? row.instruction.slice(0, 160) : "(no instruction)");
    const said = rejected(row) ? row.reason : (row.task_type ?? "accepted");
    const node = button(kind, start, () => go(place));
    node.append(write(make("span", "quiet"), said.slice(0, 80)));
    if (place === at) node.setAttribute("aria-current", "true");
    return make("li", "", node);
  }

  function record(row) {
    const kind = rejected(row) ? "rejected" : "accepted";
    const parts = [
      make("header", "", make("span", `outcome ${kind}`, kind), make("code", "", row.id),
        make("span", "quiet", `${number(at + 1)} of ${number(found.length)}`)),
    ];
    if (rejected(row)) parts.push(why(row));
    if (row.nearest_text !== undefined) parts.push(...comparison(row));
    for (const [name, title] of TEXTS) {
      if (row[name] === undefined && name !== "output") continue;
      parts.push(make("h3", "", title), field(row, name));
    }
    parts.push(make("h3", "", "Provenance"), provenance(row));
    return parts;
  }

  function field(row, name) {
    const text = row[name];
    if (text === undefined) return make("p", "quiet", "None yet: no stage had answered it.");
    if (text === "") return make("p", "quiet", "Empty.");
    const node = write(make("pre", "text"), text);
    node.dir = "auto";
    const cut = row.cut?.[name];
    return cut ? make("div", "", node, make("p", "quiet", `${number(cut)} more characters are in the data, not on this page.`)) : node;
  }

  function why(row) {
    const held = [["score", row.score], ["limit", row.limit]]
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name} ${typeof value === "number" ? +value.toFixed(4) : value}`)
      .join(", ");
    return make("div", "why",
      write(make("p", "", make("strong", "", row.reason)), ` by ${row.stage ?? "no stage"}${held ? `: ${held}` : ""}`),
      row.detail ? write(make("p", ""), row.detail) : null);
  }

  function provenance(row) {
    const list = make("dl", "facts");
    const add = (name, value) => {
      if (value === undefined || value === "" || (Array.isArray(value) && !value.length)) return;
      const shown = make("dd", "");
      if (Array.isArray(value)) shown.append(make("span", "ids", ...value.map(id)));
      else write(shown, String(value));
      list.append(make("dt", "", name), shown);
    };
    const { attempt, index_in_attempt: index } = row;
    add("Task type", row.task_type);
    add("Classification", row.is_classification === undefined ? undefined : row.is_classification ? "yes" : "no");
    add("Language", row.language);
    add("Scores", Object.entries(row.scores ?? {}).map(([name, score]) => `${name} ${score}`).join(", "));
    add("Written by", row.teacher_model);
    add("Attempt", attempt === undefined ? undefined : `${attempt}${index === undefined ? "" : `, record ${index} of it`}`);
    add("Round", row.round || undefined);
    add("Read from", row.source);
    add("Made from", row.parents);
    add("Shown to teacher", row.demonstrations);
    add("Requests", row.requests);
    add("Whole story", `synthgen explain RUN ${row.id}`);
    return list;
  }

  /** An id, as a button where its record is on the page; the long keys of requests are cut. */
  function id(value) {
    if (!numberOf.has(value)) {
      const node = write(make("code", ""), value.length > 40 ? `${value.slice(0, 16)}…` : value);
      node.title = value;
      return node;
    }
    return button("link", make("code", "", value), () => {
      const i = numberOf.get(value);
      if (!found.includes(i)) only({});
      go(found.indexOf(i));
    });
  }

  // ---------------------------------------------------------------- the nearest neighbour, word by word

  function comparison(row) {
    const joined = [row.instruction, row.input, row.output].filter(Boolean).join("\n");
    // which fields a stage compared is its own setting; the most alike are shown
    const candidates = [row.instruction ?? "", row.output ?? "", joined].map((text) => [text, differing(text, row.nearest_text)]);
    const [text, marks] = candidates.reduce((best, other) => (other[1].alike > best[1].alike + 1e-9 ? other : best));
    const side = (title, whole, words, same, kind) => {
      const node = make("pre", "text");
      node.dir = "auto";
      if (!words) write(node, whole);
      else words.forEach((word, i) => write(same[i] ? node : node.appendChild(make("mark", kind)), word));
      return make("div", "", make("h3", "", ...title), node);
    };
    const other = row.nearest ? ["Nearest neighbour ", id(row.nearest)] : ["Nearest neighbour"];
    return [
      make("div", "pair", side(["This record"], text, marks.a, marks.sameA, "mine"),
        side(other, row.nearest_text, marks.b, marks.sameB, "other")),
      make("p", "quiet", marks.a ? "Words that only one of the two has in this order are marked." : "Too long to compare word by word."),
    ];
  }

  /** The words of both texts and which of them belong to their longest common subsequence, as in ROUGE-L. */
  function differing(left, right) {
    const [a, b] = [left.match(WORD) ?? [], right.match(WORD) ?? []];
    if (a.length > MOST_WORDS || b.length > MOST_WORDS) return { alike: 0 };
    const key = (word) => word.toLowerCase().replace(/[^\p{L}\p{N}\p{M}]+/gu, "");
    const [ka, kb] = [a.map(key), b.map(key)];
    const width = b.length + 1;
    const table = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i--) {
      for (let j = b.length - 1; j >= 0; j--) {
        table[i * width + j] = ka[i] && ka[i] === kb[j]
          ? table[(i + 1) * width + j + 1] + 1
          : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
      }
    }
    const [sameA, sameB] = [ka.map((k) => !k), kb.map((k) => !k)]; // spaces and punctuation are never marked
    for (let i = 0, j = 0; i < a.length && j < b.length; ) {
      if (ka[i] && ka[i] === kb[j]) { sameA[i++] = sameB[j++] = true; }
      else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) i++;
      else j++;
    }
    const words = ka.filter(Boolean).length + kb.filter(Boolean).length;
    return { a, b, sameA, sameB, alike: words ? (2 * table[0]) / words : 0 };
  }

  // ---------------------------------------------------------------- start

  async function unpack() {
    const binary = atob(by("rows").textContent);
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  }

  function listen() {
    let waiting = 0;
    by("search").addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(apply, 120);
    });
    by("controls").addEventListener("change", apply);
    by("controls").addEventListener("submit", (event) => event.preventDefault());
    by("clear").addEventListener("click", () => only({}));
    by("next").addEventListener("click", () => go(at + 1));
    by("previous").addEventListener("click", () => go(at - 1));
    by("on").addEventListener("click", () => go((Math.floor(at / PER_PAGE) + 1) * PER_PAGE));
    by("back").addEventListener("click", () => go((Math.floor(at / PER_PAGE) - 1) * PER_PAGE));
    document.addEventListener("click", (event) => {
      const { task, stage, reason } = event.target.closest("[data-task], [data-reason]")?.dataset ?? {};
      if (task === undefined && reason === undefined) return;
      only(task === undefined ? { stage, reason } : { task, outcome: "accepted" });
      by("records").scrollIntoView();
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, select, textarea");
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (typing) {
        if (event.key === "Escape") typing.blur();
      } else if (event.key === "j" || event.key === "ArrowRight") go(at + 1);
      else if (event.key === "k" || event.key === "ArrowLeft") go(at - 1);
      else if (event.key === "/") by("search").focus();
      else return;
      if (!typing) event.preventDefault();
    });
  }

  async function start() {
    if (!("DecompressionStream" in window)) {
      by("state").textContent = "This browser is too old to unpack the records: it has no DecompressionStream.";
      return;
    }
    rows = await unpack();
    haystacks = new Array(rows.length);
    rows.forEach((row, i) => numberOf.set(row.id, i));
    const lost = rows.filter(rejected);
    fill("outcome", "All", rows.map((row) => (rejected(row) ? "rejected" : "accepted")));
    fill("stage", "All", lost.map((row) => row.stage ?? "none"));
    fill("reason", "All", lost.map((row) => row.reason));
    fill("task", "All", rows.map((row) => row.task_type ?? "none"));
    by("state").hidden = true;
    by("browser").hidden = false;
    listen();
    apply();
  }

  start().catch((error) => {
    by("state").textContent = `The records could not be shown: ${error.message}`;
    throw error;
  });
})();
