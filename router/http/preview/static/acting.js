// What a person does on the page: who they are, what they press, fill in and write. Each thing is posted to /preview/act,
// which makes of it what Slack would send.
import { block, input, openMenu } from "./blocks.js";
import { byId, channelOf, current, make, nameOf, sign, state, unescape } from "./text.js";

const KEPT = "alert-router preview: who acts";
const drafts = new Map();
let you = stored();
let follow = () => {};
let thread = null;
let place = "";
let shownView = "";
let inputs = [];

function stored() {
  try { return localStorage.getItem(KEPT) || ""; } catch { return ""; }
}

export const actor = () => you;
export const member = () => state.data?.people.find((one) => one.id === you);
export const seesAll = (channel) => !channel.startsWith("D") || member()?.direct === channel;
export const called = (one) => one.is_in_rules ? one.name : `${one.name} (not in the rules)`;

async function send(gesture) {
  try {
    const response = await fetch("/preview/act", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...gesture, by: you }),
    });
    const answer = await response.json();
    return response.ok ? answer : { trouble: answer.detail || `the router answered ${response.status}` };
  } catch (error) {
    return { trouble: `The router cannot be reached: ${error.message}` };
  }
}

// What follows an answer comes a moment later: a modal, a word, an edit.
async function act(gesture) {
  const answer = await send(gesture);
  trouble(answer.trouble || "");
  await follow();
  for (const wait of [80, 250, 600]) setTimeout(follow, wait);
  return answer;
}

function trouble(text) {
  const line = byId("trouble");
  line.hidden = !text;
  line.replaceChildren(...(text ? [make("span", "", text), closing(() => trouble(""))] : []));
}

function closing(close) {
  const node = make("button", "away", sign("cross"), make("span", "unseen", "Dismiss"));
  node.type = "button";
  node.addEventListener("click", close);
  return node;
}

// ---------------------------------------------------------------- buttons

export const pressed = (message) => async (element, node, confirm) => {
  if (confirm && !(await confirmed(confirm))) return;
  node.setAttribute("aria-busy", "true");
  await act({ type: "press", channel: message.channel, ts: message.ts, element });
  node.removeAttribute("aria-busy");
};

function confirmed(given) {
  const dialog = byId("confirm");
  const says = (name, text) => { byId(name).textContent = text?.text ?? ""; };
  says("confirm-title", given.title);
  says("confirm-text", given.text);
  says("confirm-no", given.deny);
  says("confirm-yes", given.confirm);
  byId("confirm-yes").className = `press ${given.style || "primary"}`;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

// ---------------------------------------------------------------- modals

function showView(open) {
  const dialog = byId("modal");
  const version = open ? `${open.id}/${open.hash}` : "";
  if (version === shownView) return;
  shownView = version;
  if (!open) { dialog.close(); return; }
  const { view } = open;
  byId("modal-title").textContent = view.title.text;
  const before = new Map(inputs.filter((one) => one.view === open.id).map((one) => [`${one.block}/${one.action}`, one]));
  const focused = inputs.find((one) => one.view === open.id && one.node.contains(document.activeElement));
  inputs = [];
  byId("modal-body").replaceChildren(...view.blocks.map((given) => {
    if (given.type !== "input") return block(given, pressedInView);
    const made = { ...input(given, state.data.people), view: open.id };
    const old = before.get(`${made.block}/${made.action}`);
    if (old) made.set(old.value()); // what stands in it stays when the modal is drawn anew
    inputs.push(made);
    return made.node;
  }));
  byId("modal-close").textContent = view.close?.text ?? "Close";
  byId("modal-send").hidden = !view.submit;
  byId("modal-send").textContent = view.submit?.text ?? "";
  byId("modal-trouble").textContent = "";
  if (!dialog.open) dialog.showModal();
  const first = inputs.find((one) => one.block === focused?.block) ?? inputs[0];
  (first ?? { focus: () => byId("modal-close").focus() }).focus();
}

function filled() {
  const given = {};
  for (const one of inputs) given[one.block] = { ...given[one.block], [one.action]: one.value() };
  return given;
}

const pressedInView = async (element, node, confirm) => {
  if (confirm && !(await confirmed(confirm))) return;
  node.setAttribute("aria-busy", "true");
  const answer = await act({ type: "press_in_view", view: shownView.split("/")[0], element, given: filled() });
  node.removeAttribute("aria-busy");
  trouble("");
  byId("modal-trouble").textContent = answer.trouble ?? "";
};

async function submit() {
  const button = byId("modal-send");
  button.disabled = true;
  const answer = await act({ type: "submit", view: shownView.split("/")[0], given: filled() });
  button.disabled = false;
  trouble(""); // it would stand behind the modal
  byId("modal-trouble").textContent = answer.trouble ?? "";
  for (const one of inputs) one.says(answer.errors?.[one.block]);
  inputs.find((one) => answer.errors?.[one.block])?.focus();
}

const close = () => act({ type: "close", view: shownView.split("/")[0] });

// ---------------------------------------------------------------- words

const line = () => byId("line");

export function reply(message, label) {
  keep();
  thread = { channel: message.channel, ts: message.ts, label };
  restore();
  line().focus();
  line().setSelectionRange(line().value.length, line().value.length);
}

const here = () => `${current()}/${thread?.ts ?? ""}`;

function keep() {
  drafts.set(place, line().value);
}

// In a thread only what mentions the router is heard by it, so that is there already.
const beginning = () => (thread ? `@${state.data.router.name} ` : "");

function restore() {
  place = here();
  line().value = drafts.get(place) || beginning();
  grow();
  showLine();
}

function grow() {
  line().style.height = "";
  if (line().scrollHeight > line().clientHeight) line().style.height = `${Math.min(line().scrollHeight + 2, 160)}px`;
}

function showLine() {
  const who = member();
  const channel = current();
  const may = Boolean(who && channelOf(channel) && seesAll(channel));
  byId("composer").hidden = !channelOf(channel);
  line().disabled = byId("line-send").disabled = !may;
  byId("line-more").disabled = !who;
  byId("line-thread").hidden = !thread;
  byId("line-where").textContent = thread ? `In the thread of ${thread.label}` : "";
  const router = state.data.router;
  const hint = thread ? `Reply, or @${router.name} ack` : `Message ${nameOf(channel)}, or ${router.command} help`;
  line().placeholder = may ? hint : who ? `Only ${nameOf(channel)} writes here` : "";
  byId("line-label").textContent = thread ? "Reply in the thread" : `Message ${nameOf(channel)}`;
}

async function write() {
  const text = line().value;
  if (!text.trim() || text === beginning()) return;
  const [channel, ts] = [current(), thread?.ts ?? ""];
  line().value = beginning();
  drafts.delete(place);
  grow();
  const answer = await act({ type: "write", channel, thread_ts: ts, text });
  if (answer.trouble && line().value === beginning()) { // it was not sent: nobody types it twice
    line().value = text;
    grow();
  }
}

// ---------------------------------------------------------------- shortcuts, as the app's manifest names them

const SHORTCUTS = [{ text: { type: "plain_text", text: "Declare an incident" }, value: "create_incident" }];
const TIMELINE = "add_to_timeline";

export function toTimeline(message) {
  const node = make("button", "plain", "Add to timeline");
  node.type = "button";
  node.dataset.action = TIMELINE;
  node.addEventListener("click", () => act({ type: "shortcut", callback_id: TIMELINE, channel: message.channel, ts: message.ts }));
  return node;
}

// ---------------------------------------------------------------- who

function showWho() {
  const select = byId("who");
  const people = state.data.people;
  if (!people.some((one) => one.id === you)) you = people[0]?.id ?? "";
  const version = JSON.stringify(people);
  if (select.dataset.version !== version) {
    select.dataset.version = version;
    select.replaceChildren(...people.map((one) => {
      const item = make("option", "", called(one));
      item.value = one.id;
      return item;
    }));
  }
  select.value = you;
}

export function become(id) {
  you = id;
  try { localStorage.setItem(KEPT, you); } catch { /* it is asked again the next time */ }
  trouble("");
  if (state.data) { state.data.view = null; state.data.words = []; }
  return follow();
}

export function showActing() {
  showWho();
  if (here().split("/")[0] !== place.split("/")[0]) {
    keep();
    thread = null;
    restore();
  } else showLine();
  showView(state.data.view);
}

export function begin(refresh) {
  follow = refresh;
  byId("who").addEventListener("change", (event) => become(event.target.value));
  byId("modal-form").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  byId("modal-close").addEventListener("click", close);
  byId("modal").addEventListener("cancel", (event) => { event.preventDefault(); close(); });
  byId("line-more").addEventListener("click", (event) =>
    openMenu(event.currentTarget, SHORTCUTS, (chosen) => act({ type: "shortcut", callback_id: chosen.value })));
  byId("line-away").addEventListener("click", () => { keep(); thread = null; restore(); line().focus(); });
  byId("composer").addEventListener("submit", (event) => { event.preventDefault(); write(); });
  line().addEventListener("input", grow);
  line().addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    write();
  });
}

// ---------------------------------------------------------------- private words

const dismissed = new Set();

export const wordsHere = (channel, ts) => (state.data.words ?? []).filter((word) =>
  word.channel === channel && word.thread_ts === ts && !dismissed.has(word.ts));

export function dismissal(word) {
  const node = make("button", "plain", "Dismiss");
  node.type = "button";
  node.addEventListener("click", () => { dismissed.add(word.ts); follow(); });
  return node;
}

export const saysToYou = (word) => `Only visible to you: ${unescape(word.text)}`;
