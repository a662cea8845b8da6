// What Slack's words become on the page: instants, mrkdwn, names. Senders wrote most of it:
// it only ever becomes text nodes, never markup.

export const byId = (id) => document.getElementById(id);
export const state = { data: null, skew: 0, seen: new Map(), cards: new Map(), closed: new Set() };

export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const sign = (name) => { const mark = make("span", name); mark.setAttribute("aria-hidden", "true"); return mark; };
export const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
export const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// ---------------------------------------------------------------- names

export const channelOf = (id) => state.data?.channels.find((channel) => channel.id === id);
export const nameOf = (id) => channelOf(id)?.name ?? id;
export function personName(id) {
  const { people = [], router } = state.data ?? {};
  return (router?.id === id ? router : people.find((one) => one.id === id))?.name ?? id;
}
export const current = () => decodeURIComponent(location.hash.slice(2).split("/")[0]);

export function channelLink(id) {
  const link = make("a", "mention", nameOf(id));
  link.href = `#/${encodeURIComponent(id)}`;
  return link;
}

// ---------------------------------------------------------------- instants

export const clockTime = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
export const now = () => new Date(Date.now() + state.skew);

export function dayName(date, isPretty) {
  const days = Math.round((new Date(date).setHours(0, 0, 0, 0) - new Date(now()).setHours(0, 0, 0, 0)) / 864e5);
  const pretty = { 0: "today", 1: "tomorrow", "-1": "yesterday" }[days];
  return isPretty && pretty ? pretty : date.toLocaleDateString([], { month: "short", day: "numeric", year: "numeric" });
}

export function timeElement(date, text) {
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

export function until(due) {
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
  if (/^@[UW]/.test(body)) return make("span", "mention", `@${personName(body.slice(1).split("|")[0])}`);
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

export function mrkdwn(parent, text) {
  text.split(/\n?```\n?([\s\S]+?)\n?```\n?/).forEach((piece, number) => {
    if (number % 2) parent.append(make("pre", "", unescape(piece)));
    else if (piece) inline(parent, piece);
  });
}

export function textObject(parent, object) {
  if (object && object.type === "mrkdwn") mrkdwn(parent, String(object.text));
  else if (object) parent.append(String(object.text));
  return parent;
}
