// Follows /preview/data.json and shows it as Slack would. Senders wrote most of what is shown:
// it only ever becomes text nodes, never markup.
"use strict";

const byId = (id) => document.getElementById(id);
const state = { data: null, skew: 0, seen: new Map(), cards: new Map(), closed: new Set() };
const POLL_MS = 1000;

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const sign = (name) => { const mark = make("span", name); mark.setAttribute("aria-hidden", "true"); return mark; };
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// ---------------------------------------------------------------- instants

const clockTime = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const now = () => new Date(Date.now() + state.skew);

function dayName(date, isPretty) {
  const days = Math.round((new Date(date).setHours(0, 0, 0, 0) - new Date(now()).setHours(0, 0, 0, 0)) / 864e5);
  const pretty = { 0: "today", 1: "tomorrow", "-1": "yesterday" }[days];
  return isPretty && pretty ? pretty : date.toLocaleDateString([], { month: "short", day: "numeric", year: "numeric" });
}

function timeElement(date, text) {
  const element = make("time", "", text);
  element.dateTime = date.toISOString();
  element.title = date.toLocaleString();
  return element;
}

const AGO = [[31536e3, "year"], [2592e3, "month"], [86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

function ago(date) {
  const seconds = Math.max(0, Math.floor((now() - date) / 1000));
  const [size, unit] = AGO.find(([size]) => seconds >= size) || AGO.at(-1);
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}

function slackDate(body) {
  const [, seconds, format] = body.split("|")[0].split("^");
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return document.createTextNode(unescape(body.split("|")[1] || ""));
  const text = (format || "").replace(/\{(\w+)\}/g, (whole, name) => {
    if (name === "ago") return ago(date);
    if (name.startsWith("time")) return clockTime(date);
    return name.startsWith("date") ? dayName(date, name.endsWith("pretty")) : whole;
  });
  return timeElement(date, text);
}

function until(due) {
  if (!due) return "when what holds it ends";
  const seconds = Math.ceil((new Date(due) - now()) / 1000);
  if (seconds <= 0) return "now";
  if (seconds < 120) return `in ${seconds} s`;
  if (seconds < 7200) return `in ${Math.round(seconds / 60)} min`;
  return `at ${dayName(new Date(due), true)} ${clockTime(new Date(due))}`;
}

// ---------------------------------------------------------------- mrkdwn

const DOTS = {
  "🔴": ["red", "critical"], "🟠": ["orange", "high"], "🟡": ["yellow", "medium"], "🔵": ["blue", "low"],
  "⚪": ["", "info"], "✅": ["done", "resolved"], "◽": ["over", "over"],
};
const DOT = new RegExp(`(${Object.keys(DOTS).join("|")})`, "u");
const INLINE = /`([^`\n]+)`|<([^<>\n]+)>|(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])|(?<!\w)_(\S(?:[^_\n]*\S)?)_(?!\w)|(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])/g;

function words(parent, text) {
  text.split("\n").forEach((line, number) => {
    if (number) parent.append(make("br"));
    for (const piece of unescape(line).split(DOT)) {
      if (!DOTS[piece]) { parent.append(piece); continue; }
      const dot = make("span", `dot ${DOTS[piece][0]}`);
      dot.setAttribute("role", "img");
      dot.setAttribute("aria-label", DOTS[piece][1]);
      parent.append(dot);
    }
  });
}

function groupName(id) {
  const made = /^SPV((?:[0-9A-F]{2})+)$/.exec(id);
  if (!made) return `@${id}`;
  return `@${new TextDecoder().decode(Uint8Array.from(made[1].match(/../g), (pair) => parseInt(pair, 16)))}`;
}

function bracket(body) {
  if (body.startsWith("!date^")) return slackDate(body);
  if (body.startsWith("#")) return channelLink(body.slice(1).split("|")[0]);
  if (body.startsWith("!subteam^")) return make("span", "mention", groupName(body.slice(9)));
  if (body.startsWith("@") || body.startsWith("!")) return make("span", "mention", `@${unescape(body.slice(1))}`);
  const cut = body.indexOf("|");
  const address = unescape(cut < 0 ? body : body.slice(0, cut));
  const label = unescape(cut < 0 ? body : body.slice(cut + 1));
  if (!/^https?:\/\//.test(address)) return document.createTextNode(label);
  const link = make("a", "", label);
  link.href = address;
  link.rel = "noopener noreferrer";
  link.target = "_blank";
  return link;
}

function inline(parent, text) {
  let position = 0;
  for (const match of text.matchAll(INLINE)) {
    words(parent, text.slice(position, match.index));
    const [, code, body, bold, italic, struck] = match;
    if (code !== undefined) parent.append(make("code", "", unescape(code)));
    else if (body !== undefined) parent.append(bracket(body));
    else {
      const element = make(bold !== undefined ? "strong" : italic !== undefined ? "em" : "s");
      inline(element, bold ?? italic ?? struck);
      parent.append(element);
    }
    position = match.index + match[0].length;
  }
  words(parent, text.slice(position));
}

function mrkdwn(parent, text) {
  text.split(/\n?```\n?([\s\S]+?)\n?```\n?/).forEach((piece, number) => {
    if (number % 2) parent.append(make("pre", "", unescape(piece)));
    else if (piece) inline(parent, piece);
  });
}

function textObject(parent, object) {
  if (object && object.type === "mrkdwn") mrkdwn(parent, String(object.text));
  else if (object) parent.append(String(object.text));
  return parent;
}

// ---------------------------------------------------------------- blocks

function block(given) {
  if (given.type === "divider") return make("hr", "divider");
  if (given.type === "header") return textObject(make("div", "block header"), given.text);
  if (given.type === "context") {
    const line = make("div", "block context");
    (given.elements || []).forEach((element) => line.append(textObject(make("span"), element), " "));
    return line;
  }
  if (given.type !== "section") return make("div", "block context", `(${given.type})`);
  const section = make("div", "block");
  if (given.text) textObject(section, given.text);
  if (given.fields) section.append(make("div", "fields", ...given.fields.map((field) => textObject(make("div"), field))));
  return section;
}

function attachment(given) {
  const bar = make("div", "bar", ...(given.blocks || []).map(block));
  if (/^#[0-9a-f]{6}$/i.test(given.color || "")) bar.style.setProperty("--bar", given.color);
  return bar;
}

// ---------------------------------------------------------------- conversations

const channelOf = (id) => state.data?.channels.find((channel) => channel.id === id);
const nameOf = (id) => channelOf(id)?.name ?? id;
const current = () => decodeURIComponent(location.hash.slice(2).split("/")[0]);

function channelLink(id) {
  const link = make("a", "mention", nameOf(id));
  link.href = `#/${encodeURIComponent(id)}`;
  return link;
}

function conversationLink(channel) {
  const here = channel.id === current();
  const known = state.seen.get(channel.id) ?? 0;
  const loud = state.data.sounds.filter((sound) => sound.channel === channel.id && Number(sound.message_ts) > known).length;
  const waits = state.data.waiting.filter((item) => item.channel === channel.id).length;
  const link = make("a", loud && !here ? "fresh" : "", make("span", "label", channel.name));
  link.href = `#/${encodeURIComponent(channel.id)}`;
  if (here) link.setAttribute("aria-current", "page");
  if (waits) {
    const later = make("span", "later", sign("clock"), make("span", "unseen", `${plural(waits, "group")} waiting`));
    link.append(later);
  }
  if (loud && !here) link.append(make("span", "badge", String(loud), make("span", "unseen", " new with sound")));
  return make("li", "", link);
}

// Replaces children only where they differ, so that focus and a reader's place survive the next poll.
function fill(parent, items) {
  items.forEach((item, number) => {
    const there = parent.children[number];
    if (!there) parent.append(item);
    else if (there !== item && !there.isEqualNode(item)) {
      const focused = there.contains(document.activeElement);
      there.replaceWith(item);
      if (focused) (item.querySelector("a") ?? item).focus();
    }
  });
  while (parent.children.length > items.length) parent.lastElementChild.remove();
}

function showNavigation() {
  const lists = { channels: "channel", people: "direct" };
  for (const [id, kind] of Object.entries(lists)) {
    const items = state.data.channels.filter((channel) => channel.kind === kind).map(conversationLink);
    fill(byId(id), items.length ? items : [make("li", "none", "none yet")]);
  }
}

// ---------------------------------------------------------------- messages

function marks(message) {
  const line = make("div", "marks");
  for (const sound of message.sounds) {
    const whom = sound.who.startsWith("#") ? `everyone in ${sound.who}` : nameOf(sound.who);
    line.append(make("span", "mark loud", sign("bell"), `rang for ${whom}: ${sound.why}`));
  }
  if (!message.sounds.length) line.append(make("span", "mark", "no sound: reply in the thread"));
  if (message.edits) line.append(make("span", "mark", `edited ${message.edits === 1 ? "once" : `${message.edits} times`}, without a sound`));
  const why = [message.why?.reason, message.why?.route, message.incident ? `#${message.incident}` : ""].filter(Boolean);
  if (why.length) line.append(make("span", "mark", `here because: ${why.join(" · ")}`));
  return line;
}

function body(message) {
  const parts = message.blocks.map(block);
  if (!parts.length) { const text = make("div", "block"); mrkdwn(text, message.text); parts.push(text); }
  return [...parts, ...message.attachments.map(attachment)];
}

function head(message) {
  const at = new Date(message.posted_at);
  const line = make("div", "by", make("b", "", "Alert Router"), make("span", "app", "APP"), timeElement(at, clockTime(at)));
  if (message.edited_at) {
    const edited = timeElement(new Date(message.edited_at), "(edited)");
    edited.className = "edited";
    line.append(edited);
  }
  if (message.thread_ts && message.broadcast) line.append(make("span", "of", "replied to a thread, shown to the channel"));
  return line;
}

// `place` tells apart the two cards of a reply that stands in its thread and in the channel.
function card(message, replies, place = "") {
  const key = `${message.channel}/${message.ts}${place}`;
  const version = JSON.stringify([message, replies]);
  const known = state.cards.get(key);
  if (known?.version === version) return known.element;
  const content = make("div", "", head(message), ...body(message), marks(message));
  if (replies.length) {
    const summary = make("summary", "", replies.length === 1 ? "1 reply" : `${replies.length} replies`);
    const thread = make("details", "thread", summary, make("ol", "replies", ...replies.map((reply) => card(reply, []))));
    thread.open = !state.closed.has(key);
    thread.addEventListener("toggle", () => (thread.open ? state.closed.delete(key) : state.closed.add(key)));
    content.append(thread);
  }
  const element = make("li", known ? "message flash" : "message", sign("face"), content);
  element.dataset.ts = message.ts;
  state.cards.set(key, { version, element });
  return element;
}

function showMessages() {
  const channel = current();
  const here = state.data.messages.filter((message) => message.channel === channel);
  const threads = new Map();
  here.filter((message) => message.thread_ts).forEach((reply) => {
    threads.set(reply.thread_ts, [...(threads.get(reply.thread_ts) ?? []), reply]);
  });
  const items = [];
  let day = "";
  for (const message of here.filter((message) => !message.thread_ts || message.broadcast)) {
    const name = dayName(new Date(message.posted_at), true);
    if (name !== day) items.push(make("li", "day", name));
    day = name;
    items.push(card(message, threads.get(message.ts) ?? [], message.thread_ts ? "/channel" : ""));
  }
  fill(byId("list"), items);
  byId("empty").hidden = items.length > 0;
  byId("channel-name").textContent = channel ? nameOf(channel) : "Nothing told yet";
  const rings = here.reduce((sum, message) => sum + message.sounds.length, 0);
  byId("channel-note").textContent = here.length ? `${plural(here.length, "message")} · ${plural(rings, "sound")}` : "";
  document.title = `${channel ? `${nameOf(channel)} · ` : ""}Preview · alert-router`;
  if (here.length) state.seen.set(channel, Math.max(...here.map((message) => Number(message.ts))));
}

// ---------------------------------------------------------------- what Slack does not show

function showWaiting() {
  const waiting = state.data.waiting;
  const line = (item) => make("span", "", make("b", "", `${plural(item.count, "alert")}: ${item.title}`), make("span", "due", `told ${(item.until || until(item.due_at))}`));
  fill(byId("waiting"), waiting.length
    ? waiting.map((item) => make("li", "", line(item), make("span", "small", `${item.why} · ${item.route}`), item.channel ? make("span", "small", "in ", channelLink(item.channel)) : null))
    : [make("li", "none", "Nothing waits. All that is known has been told.")]);
  fill(byId("waiting-here"), waiting.filter((item) => item.channel === current()).map((item) =>
    make("li", "", sign("clock"), make("span", "", make("b", "", plural(item.count, "alert")), `, told ${(item.until || until(item.due_at))} · ${item.title} · ${item.why}`))));
}

function showSounds() {
  const rings = state.data.sounds.map((sound) => {
    const link = make("a", "", nameOf(sound.who));
    link.href = `#/${encodeURIComponent(sound.channel)}`;
    const at = new Date(sound.at);
    const item = make("li", "ring", sign("bell"), link, timeElement(at, clockTime(at)));
    item.append(make("span", "small", sound.who === nameOf(sound.channel) ? sound.why : `${sound.why} in ${nameOf(sound.channel)}`));
    return item;
  });
  fill(byId("sounds"), rings.length ? rings : [make("li", "none", "No phone has rung.")]);
}

// For who cannot see it: what is new, in words, a few at a time.
function announce(before, after) {
  const known = new Map(before.messages.map((message) => [`${message.channel}/${message.ts}`, message]));
  const news = after.messages.flatMap((message) => {
    const old = known.get(`${message.channel}/${message.ts}`);
    if (old && old.edits === message.edits) return [];
    return [`${old ? "Edited" : message.thread_ts ? "Reply" : "New"} in ${nameOf(message.channel)}: ${unescape(message.text)}`];
  });
  if (!news.length) return;
  const rest = news.length > 3 ? [`and ${news.length - 3} more changes`] : [];
  byId("live").replaceChildren(...[...news.slice(-3), ...rest].map((text) => make("p", "", text)));
}

// ---------------------------------------------------------------- following

function choose() {
  if (channelOf(current())) return;
  const newest = state.data.messages.findLast((message) => !message.channel.startsWith("D")) ?? state.data.messages.at(-1);
  const channel = newest?.channel ?? state.data.channels[0]?.id;
  if (channel) history.replaceState(null, "", `#/${encodeURIComponent(channel)}`);
}

function show() {
  if (!state.data) return;
  choose();
  const scroll = byId("scroll");
  const isAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  showMessages();
  showNavigation();
  showWaiting();
  showSounds();
  if (isAtEnd) scroll.scrollTop = scroll.scrollHeight;
}

function status(kind, text) {
  const element = byId("status");
  if (element.textContent !== text) element.textContent = text;
  element.className = kind;
}

async function poll() {
  try {
    const response = await fetch("/preview/data.json", { cache: "no-cache" });
    if (!response.ok) throw new Error(`the router answered ${response.status}`);
    const before = state.data;
    state.data = await response.json();
    state.skew = new Date(state.data.now) - Date.now();
    if (before) announce(before, state.data);
    else state.data.messages.forEach((message) => state.seen.set(message.channel, Number(message.ts)));
    show();
    status("live", "live");
  } catch (error) {
    status("lost", `not connected: ${error.message}`);
  }
  setTimeout(poll, document.hidden ? 5 * POLL_MS : POLL_MS);
}

window.addEventListener("hashchange", () => {
  show();
  byId("scroll").scrollTop = byId("scroll").scrollHeight;
});
poll();
