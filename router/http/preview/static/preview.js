// Follows /preview/data.json and shows it as Slack would.
import { actor, become, begin, dismissal, pressed, reply, saysToYou, seesAll, showActing, toTimeline, wordsHere } from "./acting.js";
import { attachment, block } from "./blocks.js";
import { byId, channelLink, channelOf, clockTime, current, dayName, make, mrkdwn, nameOf, personName, plural, sign, state, timeElement, unescape, until } from "./text.js";

const POLL_MS = 1000;

// ---------------------------------------------------------------- conversations

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

const sameIn = (item, element) => element.dataset.action ? item.querySelector(`[data-action="${CSS.escape(element.dataset.action)}"]`) : null;

// Replaces children only where they differ, so that focus and a reader's place survive the next poll.
function fill(parent, items) {
  items.forEach((item, number) => {
    const there = parent.children[number];
    if (!there) parent.append(item);
    else if (there !== item && !there.isEqualNode(item)) {
      const focused = there.contains(document.activeElement) ? document.activeElement : null;
      there.replaceWith(item);
      if (focused) (sameIn(item, focused) ?? item.querySelector("a, button") ?? item).focus();
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
  if (message.author) return line;
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
  const press = seesAll(message.channel) && actor() ? pressed(message) : null;
  const parts = message.blocks.map((given) => block(given, press));
  if (!parts.length) { const text = make("div", "block"); mrkdwn(text, message.text); parts.push(text); }
  parts.push(...message.attachments.map((given) => attachment(given, press)));
  const isForeign = !press && message.blocks.some((given) => given.type === "actions");
  return isForeign ? [...parts, foreign(message.channel)] : parts;
}

// A direct message is somebody's: in Slack nobody else would see it at all.
function foreign(channel) {
  const owner = state.data.people.find((one) => one.direct === channel);
  const line = make("p", "block context", `Only ${owner?.name ?? nameOf(channel)} sees this in Slack.`);
  if (!owner) return line;
  const node = make("button", "plain", `Act as ${owner.name}`);
  node.type = "button";
  node.addEventListener("click", () => become(owner.id));
  line.append(" ", node);
  return line;
}

function head(message) {
  const at = new Date(message.posted_at);
  const who = message.author ? [make("b", "", personName(message.author))] : [make("b", "", "Alert Router"), make("span", "app", "APP")];
  const line = make("div", "by", ...who, timeElement(at, clockTime(at)));
  if (message.edited_at) {
    const edited = timeElement(new Date(message.edited_at), "(edited)");
    edited.className = "edited";
    line.append(edited);
  }
  if (message.thread_ts && message.broadcast) line.append(make("span", "of", "replied to a thread, shown to the channel"));
  return line;
}

function face(message) {
  if (!message.author) return sign("face");
  const letter = sign("face person");
  letter.textContent = personName(message.author).slice(0, 1).toUpperCase();
  return letter;
}

// What nobody else sees. It is gone with the process, as in Slack.
function wordCard(word) {
  const key = `word/${word.ts}`;
  const known = state.cards.get(key);
  if (known) return known.element;
  const text = make("div", "block");
  mrkdwn(text, word.text);
  const parts = word.blocks.length ? word.blocks.map((given) => block(given, pressed(word))) : [text];
  const only = make("div", "only", sign("eye"), "Only visible to you ", dismissal(word));
  const at = new Date(word.at);
  const by = make("div", "by", make("b", "", "Alert Router"), make("span", "app", "APP"), timeElement(at, clockTime(at)));
  const element = make("li", "message private", sign("face"), make("div", "", only, by, ...parts));
  state.cards.set(key, { version: "", element });
  return element;
}

function replyLink(message) {
  const node = make("button", "plain reply", "Reply in thread");
  node.type = "button";
  node.dataset.action = "reply";
  const label = message.incident ? `#${message.incident}` : personName(message.author);
  node.addEventListener("click", () => reply(message, label));
  return node;
}

const byTs = (one, other) => Number(one.ts) - Number(other.ts);

// `place` tells apart the two cards of a reply that stands in its thread and in the channel.
function card(message, replies, place = "") {
  const key = `${message.channel}/${message.ts}${place}`;
  const words = wordsHere(message.channel, message.ts);
  const version = JSON.stringify([message, replies, words, actor(), state.data.people.length]);
  const known = state.cards.get(key);
  if (known?.version === version) return known.element;
  const content = make("div", "", head(message), ...body(message), marks(message));
  if (replies.length || words.length) {
    const summary = make("summary", "", replies.length === 1 ? "1 reply" : `${replies.length} replies`);
    const inside = [...replies, ...words].sort(byTs).map((one) => (one.person ? wordCard(one) : card(one, [])));
    const thread = make("details", "thread", summary, make("ol", "replies", ...inside));
    thread.open = !state.closed.has(key);
    thread.addEventListener("toggle", () => (thread.open ? state.closed.delete(key) : state.closed.add(key)));
    content.append(thread);
  }
  const links = make("div", "links");
  if (!message.thread_ts && seesAll(message.channel)) links.append(replyLink(message));
  if (message.author && seesAll(message.channel)) links.append(toTimeline(message));
  if (links.children.length) content.append(links);
  const news = `${message.edits}/${replies.length}`;
  const element = make("li", known && known.news !== news ? "message flash" : "message", face(message), content);
  element.dataset.ts = message.ts;
  state.cards.set(key, { version, element, news });
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
  const shown = [...here.filter((message) => !message.thread_ts || message.broadcast), ...wordsHere(channel, "")].sort(byTs);
  for (const message of shown) {
    const name = dayName(new Date(message.posted_at ?? message.at), true);
    if (name !== day) items.push(make("li", "day", name));
    day = name;
    items.push(message.person ? wordCard(message) : card(message, threads.get(message.ts) ?? [], message.thread_ts ? "/channel" : ""));
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

// What is said to one person alone is the answer to what they just did: they see it, wherever they have scrolled to.
function reveal(before) {
  const heard = new Set(before.words.map((word) => word.ts));
  const word = state.data.words.findLast((one) => !heard.has(one.ts) && one.channel === current());
  state.cards.get(`word/${word?.ts}`)?.element.scrollIntoView({ block: "nearest" });
}

// For who cannot see it: what is new, in words, a few at a time.
function announce(before, after) {
  const known = new Map(before.messages.map((message) => [`${message.channel}/${message.ts}`, message]));
  const news = after.messages.flatMap((message) => {
    const old = known.get(`${message.channel}/${message.ts}`);
    if (old && old.edits === message.edits) return [];
    return [`${old ? "Edited" : message.thread_ts ? "Reply" : "New"} in ${nameOf(message.channel)}: ${unescape(message.text)}`];
  });
  const heard = new Set(before.words.map((word) => word.ts));
  news.push(...after.words.filter((word) => !heard.has(word.ts)).map(saysToYou));
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
  showActing();
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

let asking = 0;

// Whoever asks last is shown: an answer that was overtaken by a later one says what was.
async function refresh() {
  const number = ++asking;
  try {
    const response = await fetch(`/preview/data.json?as=${encodeURIComponent(actor())}`, { cache: "no-cache" });
    if (!response.ok) throw new Error(`the router answered ${response.status}`);
    const data = await response.json();
    if (number !== asking) return;
    const before = state.data;
    const isFirst = !before;
    state.data = data;
    state.skew = new Date(data.now) - Date.now();
    if (isFirst) data.messages.forEach((message) => state.seen.set(message.channel, Number(message.ts)));
    else announce(before, data);
    show();
    if (!isFirst) reveal(before);
    status("live", "live");
    if (isFirst && actor()) await refresh(); // now it is known who acts, and what they alone see
  } catch (error) {
    if (number === asking) status("lost", `not connected: ${error.message}`);
  }
}

async function poll() {
  await refresh();
  setTimeout(poll, document.hidden ? 5 * POLL_MS : POLL_MS);
}

window.addEventListener("hashchange", () => {
  show();
  byId("scroll").scrollTop = byId("scroll").scrollHeight;
});
begin(refresh);
poll();
