// Block Kit as Slack draws it: what is read, and what is pressed. Sends nothing: `press(element)` is asked to.
import { make, sign, textObject } from "./text.js";

export function block(given, press) {
  if (given.type === "divider") return make("hr", "divider");
  if (given.type === "header") return textObject(make("div", "block header"), given.text);
  if (given.type === "context") {
    const line = make("div", "block context");
    (given.elements || []).forEach((element) => line.append(textObject(make("span"), element), " "));
    return line;
  }
  if (given.type === "actions") {
    const row = make("div", "block actions");
    (given.elements || []).forEach((element) => row.append(pressable({ block_id: given.block_id, ...element }, press)));
    return row;
  }
  if (given.type !== "section") return make("div", "block context", `(${given.type})`);
  const section = make("div", "block");
  if (given.text) textObject(section, given.text);
  if (given.fields) section.append(make("div", "fields", ...given.fields.map((field) => textObject(make("div"), field))));
  return section;
}

export function attachment(given, press) {
  const bar = make("div", "bar", ...(given.blocks || []).map((one) => block(one, press)));
  if (/^#[0-9a-f]{6}$/i.test(given.color || "")) bar.style.setProperty("--bar", given.color);
  return bar;
}

// ---------------------------------------------------------------- what is pressed

function pressable(element, press) {
  if (element.type === "button") return button(element, press);
  if (element.type === "overflow" || element.type === "static_select") return opener(element, press);
  return make("span", "context", `(${element.type})`);
}

// As Slack sends it of an element that was used.
const used = ({ type, action_id, block_id = "", value }, chosen) => ({
  type, action_id, block_id, ...(chosen ? { selected_option: chosen } : {}), ...(value === undefined ? {} : { value }),
});

function button(element, press) {
  const isLink = /^https?:\/\//.test(element.url || "");
  const node = make(isLink ? "a" : "button", `press ${element.style || ""}`.trim());
  textObject(node, element.text);
  node.dataset.action = element.action_id;
  if (isLink) {
    node.href = element.url;
    node.target = "_blank";
    node.rel = "noopener noreferrer";
  } else node.type = "button";
  if (press) node.addEventListener("click", () => press(used(element), node, isLink ? null : element.confirm));
  else disable(node);
  return node;
}

function opener(element, press) {
  // Of more lines than Slack takes behind three dots there is a menu that shows them itself.
  const isDots = element.type === "overflow" || element.placeholder?.text === "⋯";
  const node = make("button", isDots ? "press dots" : "press select");
  node.type = "button";
  node.dataset.action = element.action_id;
  node.setAttribute("aria-haspopup", "menu");
  if (isDots) {
    node.setAttribute("aria-label", "More actions");
    node.append(sign("three"));
  } else node.append(textObject(make("span"), element.placeholder), sign("chevron"));
  if (press) {
    node.addEventListener("click", () => openMenu(node, element.options, (chosen) => press(used(element, chosen), node, element.confirm)));
  } else disable(node);
  return node;
}

function disable(node) {
  if (node.tagName === "A") return; // it leads somewhere all the same
  node.disabled = true;
}

// One menu for all of them: it lies above the messages, which may be drawn anew below it.
export function openMenu(from, options, choose) {
  const menu = document.getElementById("menu");
  const items = options.map((option) => {
    const item = textObject(make("button", "item"), option.text);
    item.type = "button";
    item.setAttribute("role", "menuitem");
    item.addEventListener("click", () => { menu.hidePopover(); choose(option); });
    return item;
  });
  menu.replaceChildren(...items);
  menu.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
  };
  menu.showPopover();
  const place = from.getBoundingClientRect();
  const [width, height] = [menu.offsetWidth, menu.offsetHeight];
  const isBelow = place.bottom + height + 8 < innerHeight || place.top < height;
  menu.style.left = `${Math.max(8, Math.min(place.left, innerWidth - width - 8))}px`;
  menu.style.top = `${isBelow ? Math.min(place.bottom + 4, innerHeight - height - 8) : place.top - height - 4}px`;
  items[0]?.focus();
}

// ---------------------------------------------------------------- inputs of a modal

const CHOICES = { checkboxes: "checkbox", radio_buttons: "radio", multi_static_select: "checkbox", multi_users_select: "checkbox" };
let count = 0;

// An input block with what stands in it: { node, block, action, value(), says(error) }.
export function input(given, people) {
  const { element } = given;
  const name = `input-${count++}`;
  const users = people.map((one) => ({ text: { type: "plain_text", text: one.name }, value: one.id }));
  const options = element.type.endsWith("users_select") ? users : element.options || [];
  const isGroup = element.type in CHOICES;
  const field = isGroup ? group(element, options, name) : single(element, options);
  const title = make(isGroup ? "legend" : "label", "label", String(given.label.text));
  if (given.optional) title.append(make("span", "optional", " (optional)"));
  const error = make("p", "error");
  error.id = `${name}-error`;
  error.hidden = true;
  const hint = given.hint ? textObject(make("p", "hint"), given.hint) : null;
  if (hint) hint.id = `${name}-hint`;
  const node = make(isGroup ? "fieldset" : "div", "input", title, field.node, error, hint);
  if (!isGroup) {
    field.node.id = name;
    title.htmlFor = name;
  }
  const described = field.node;
  described.setAttribute("aria-describedby", [error.id, hint?.id].filter(Boolean).join(" "));
  return {
    node, block: given.block_id, action: element.action_id, value: field.value, set: field.set, focus: () => (isGroup ? node.querySelector("input") : field.node)?.focus(),
    says(wrong) {
      error.hidden = !wrong;
      error.textContent = wrong || "";
      if (wrong) described.setAttribute("aria-invalid", "true");
      else described.removeAttribute("aria-invalid");
      node.classList.toggle("wrong", Boolean(wrong));
    },
  };
}

function group(element, options, name) {
  const first = new Set([...(element.initial_options || []), element.initial_option].filter(Boolean).map((one) => one.value));
  const boxes = options.map((option) => {
    const box = make("input");
    box.type = CHOICES[element.type];
    box.name = name;
    box.value = option.value;
    box.checked = first.has(option.value);
    return [box, make("label", "choice", box, textObject(make("span"), option.text))];
  });
  const value = () => {
    const chosen = boxes.filter(([box]) => box.checked).map(([box]) => box.value);
    return element.type === "radio_buttons" ? chosen[0] ?? "" : chosen;
  };
  const set = (chosen) => boxes.forEach(([box]) => { box.checked = [chosen].flat().includes(box.value); });
  return { node: make("div", "choices", ...boxes.map(([, label]) => label)), value, set };
}

function single(element, options) {
  if (element.type.endsWith("_select")) {
    const empty = make("option", "", element.placeholder?.text || "Choose …");
    empty.value = "";
    const node = make("select", "", empty, ...options.map((option) => {
      const item = make("option", "", String(option.text.text));
      item.value = option.value;
      return item;
    }));
    node.value = element.initial_option?.value ?? element.initial_user ?? "";
    return { node, value: () => node.value, set: (chosen) => { node.value = chosen; } };
  }
  const node = make(element.multiline ? "textarea" : "input");
  if (element.multiline) node.rows = 4;
  else node.type = { datepicker: "date", timepicker: "time" }[element.type] || "text";
  node.value = element.initial_value ?? element.initial_date ?? element.initial_time ?? "";
  if (element.placeholder) node.placeholder = element.placeholder.text;
  if (element.max_length) node.maxLength = element.max_length;
  node.autocomplete = "off";
  return { node, value: () => node.value, set: (text) => { node.value = text; } };
}
