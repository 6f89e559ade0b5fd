// The chat page: a dialogue with /v1/chat/completions, kept in this browser.
//
// A dialogue is a tree. Each message has those that follow it as its children, of which one is shown; editing a message, or drawing an
// answer again, adds a sibling, and nothing that was said is lost.
"use strict";

const STORE = "gopher-dialogue";
const SETTINGS = "gopher-settings";
const OPTIONS = ["temperature", "top_p", "seed", "max_tokens"];

const at = (id) => document.getElementById(id);

/** The message before the first: it says nothing. */
const emptyTree = () => ({ children: [], shown: 0 });

let tree = emptyTree();
let model = null;
/** The request under way, if there is one. */
let running = null;
/** The message that is being edited, if one is. */
let editing = null;

// What is kept.

function read(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
}

function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    complain("This browser keeps nothing of the dialogue: its storage is full, or is not allowed.");
  }
}

/** Whether something that was kept is a tree of messages. */
function isTree(node, depth = 0) {
  return depth < 5000 && node && Array.isArray(node.children) && Number.isInteger(node.shown) &&
    (depth === 0 || ((node.role === "user" || node.role === "assistant") && typeof node.content === "string")) &&
    node.children.every((child) => isTree(child, depth + 1));
}

// The tree.

/** The messages that are shown, from the first on, each with the one before it. */
function path() {
  const shown = [];
  let node = tree;
  while (node.children.length > 0) {
    const next = node.children[Math.min(node.shown, node.children.length - 1)];
    shown.push({ node: next, parent: node });
    node = next;
  }
  return shown;
}

/** Adds a message after another, and shows it. */
function add(parent, role, content) {
  const node = { role, content, children: [], shown: 0 };
  parent.children.push(node);
  parent.shown = parent.children.length - 1;
  return node;
}

/** The messages before and with `node`, as the API has them. */
function messagesTo(node) {
  const messages = [];
  const system = at("system").value.trim();
  if (system) messages.push({ role: "system", content: system });
  for (const { node: message } of path()) {
    messages.push({ role: message.role, content: message.content });
    if (message === node) break;
  }
  return messages;
}

// What is shown.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(text, label, act) {
  const made = element("button", "", text);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.disabled = running !== null;
  made.addEventListener("click", act);
  return made;
}

function show(node, parent, number) {
  const item = element("li", node.role);
  const name = node.role === "user" ? "You" : "Gopher";
  item.append(element("p", "who", name));
  if (editing === node) {
    item.append(editor(node, parent));
    return item;
  }
  const text = element("p", "text", node.content);
  item.append(text);
  if (running && running.node === node) item.classList.add("under-way");
  const tools = element("div", "tools");
  if (node.role === "user") {
    tools.append(button("Edit", `Edit message ${number}`, () => edit(node)));
  } else {
    tools.append(button("Again", `Draw answer ${number} again`, () => answer(parent)));
    tools.append(button("Copy", `Copy answer ${number}`, () => copy(node.content)));
  }
  const siblings = parent.children.length;
  if (siblings > 1) {
    const turn = (step) => () => {
      parent.shown += step;
      changed();
      say(`Version ${parent.shown + 1} of ${siblings}`);
    };
    const before = button("‹", `Version before of message ${number}`, turn(-1));
    const after = button("›", `Version after of message ${number}`, turn(1));
    before.disabled ||= parent.shown === 0;
    after.disabled ||= parent.shown === siblings - 1;
    tools.append(before, element("span", "", `${parent.shown + 1} of ${siblings}`), after);
  }
  if (node.end === "length") tools.append(element("span", "", "cut at the limit of tokens"));
  if (node.end === "stopped") tools.append(element("span", "", "stopped"));
  item.append(tools);
  return item;
}

function render() {
  const main = document.querySelector("main");
  const low = main.scrollHeight - main.scrollTop - main.clientHeight < 80;
  at("dialogue").replaceChildren(...path().map(({ node, parent }, index) => show(node, parent, index + 1)));
  at("send").hidden = running !== null;
  at("stop").hidden = running === null;
  at("new").disabled = running !== null;
  if (low || running) main.scrollTop = main.scrollHeight;
}

function changed() {
  keep(STORE, tree);
  render();
}

/** Says something to who listens instead of looking. */
function say(text) {
  at("status").textContent = text;
}

function complain(text) {
  at("problem").textContent = text ?? "";
  at("problem").hidden = !text;
}

// Editing and copying.

function edit(node) {
  editing = node;
  render();
  document.querySelector("#dialogue textarea").focus();
}

function editor(node, parent) {
  const form = element("form");
  const field = element("textarea");
  field.rows = 3;
  field.value = node.content;
  field.setAttribute("aria-label", "Edited message");
  const leave = () => {
    editing = null;
    render();
    at("message").focus();
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      leave();
    }
    sendOnEnter(event, form);
  });
  const send = element("button", "", "Send as a new version");
  send.type = "submit";
  const tools = element("div", "tools");
  tools.append(send, button("Leave it", "Leave the message as it is", leave));
  form.append(field, tools);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const content = field.value.trim();
    if (!content) return;
    editing = null;
    answer(add(parent, "user", content));
  });
  return form;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    complain("The browser does not let this page copy; select the text instead.");
  }
}

// Asking.

function headers() {
  const key = at("key").value.trim();
  return { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
}

/** What a response that is none says, in words. */
async function reason(response) {
  const text = await response.text().catch(() => "");
  let message = text;
  try {
    message = JSON.parse(text).error.message;
  } catch { /* Not in the API's form. */ }
  if (response.status === 401) return "The server asks for an API key: it belongs into the settings.";
  const wait = response.headers.get("Retry-After");
  const later = wait ? ` Try again in ${wait} s.` : "";
  return `${String(message || response.statusText || "The server refused").slice(0, 500)} (${response.status}).${later}`;
}

async function findModel() {
  const response = await fetch("/v1/models", { headers: headers() });
  if (!response.ok) throw new Error(await reason(response));
  model = (await response.json()).data?.[0]?.id ?? null;
  at("model").textContent = model ?? "";
}

/** The events of a stream, each as its data. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    held += value ?? "";
    const parts = held.split(/\r?\n\r?\n/);
    held = done ? "" : parts.pop();
    for (const part of parts) {
      const data = part.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
      if (data.length > 0) yield data.join("\n");
    }
    if (done) return;
  }
}

/** Has the server answer a message. */
async function answer(question) {
  if (running) return;
  complain(null);
  const node = add(question, "assistant", "");
  const asked = messagesTo(question);
  const controller = new AbortController();
  running = { node, controller };
  changed();
  say("Gopher is answering");
  let problem = null;
  let over = false;
  try {
    if (!model) await findModel();
    const request = { model, messages: asked, stream: true };
    for (const option of OPTIONS) {
      const value = at(option).value.trim();
      if (value !== "" && Number.isFinite(Number(value))) request[option] = Number(value);
    }
    // Drawn again with the same seed, it would be the same answer.
    if ("seed" in request) request.seed += question.children.length - 1;
    const response = await fetch("/v1/chat/completions", {
      method: "POST", headers: headers(), body: JSON.stringify(request), signal: controller.signal,
    });
    if (!response.ok) throw new Error(await reason(response));
    for await (const data of events(response.body)) {
      if (data === "[DONE]") {
        over = true;
        break;
      }
      const event = JSON.parse(data);
      if (event.error) throw new Error(event.error.message ?? "The server could not go on.");
      const choice = event.choices?.[0];
      if (choice?.finish_reason) {
        over = true;
        if (choice.finish_reason === "length") node.end = "length";
      }
      if (choice?.delta?.content) grow(node, choice.delta.content);
    }
    if (!over) problem = "The server went away in the middle of the answer. What there is of it is kept.";
  } catch (error) {
    if (controller.signal.aborted) node.end = "stopped";
    else if (error instanceof TypeError) problem = "The server cannot be reached. Is it still running?";
    else problem = error.message;
  }
  running = null;
  if (node.content === "" && (problem || node.end === "stopped")) {
    question.children.pop();
    question.shown = Math.max(0, question.children.length - 1);
    if (problem) problem += " Your message is kept: Again asks once more.";
  }
  changed();
  complain(problem);
  retry(question);
  say(problem ? "" : `Gopher: ${node.content}`);
  if (!editing) at("message").focus();
}

/** Where a message has no answer, a way to ask for one. */
function retry(question) {
  const shown = path();
  const last = shown.at(-1)?.node;
  if (last && last === question && last.role === "user") {
    const tools = at("dialogue").lastElementChild.querySelector(".tools");
    tools.append(button("Again", "Ask for an answer once more", () => answer(last)));
  }
}

/** Adds to the answer that is shown; the page is not built anew for each piece. */
function grow(node, text) {
  node.content += text;
  const shown = document.querySelector(".under-way .text");
  if (shown) shown.textContent = node.content;
  const main = document.querySelector("main");
  if (main.scrollHeight - main.scrollTop - main.clientHeight < 120) main.scrollTop = main.scrollHeight;
}

function stop() {
  running?.controller.abort();
}

function sendOnEnter(event, form) {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
}

// The page.

function begin() {
  const kept = read(STORE, null);
  if (isTree(kept)) tree = kept;
  const settings = read(SETTINGS, {});
  for (const id of [...OPTIONS, "system"]) {
    if (typeof settings[id] === "string") at(id).value = settings[id];
  }
  at("options").addEventListener("input", () => {
    keep(SETTINGS, Object.fromEntries([...OPTIONS, "system"].map((id) => [id, at(id).value])));
  });
  at("options").addEventListener("submit", (event) => event.preventDefault());
  at("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    const content = at("message").value.trim();
    if (!content || running) return;
    at("message").value = "";
    answer(add(path().at(-1)?.node ?? tree, "user", content));
  });
  at("message").addEventListener("keydown", (event) => {
    sendOnEnter(event, at("ask"));
    const mine = path().filter(({ node }) => node.role === "user").at(-1);
    if (event.key === "ArrowUp" && at("message").value === "" && mine && !running) {
      event.preventDefault();
      edit(mine.node);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") stop();
  });
  // Pieces come too often to keep each; what is on the page when it goes is kept.
  addEventListener("pagehide", () => keep(STORE, tree));
  at("stop").addEventListener("click", stop);
  at("new").addEventListener("click", () => {
    tree = emptyTree();
    editing = null;
    complain(null);
    changed();
    at("message").focus();
    say("A new dialogue");
  });
  render();
  const last = path().at(-1)?.node;
  if (last?.role === "user") retry(last);
  findModel().catch((error) => complain(error instanceof TypeError ? "The server cannot be reached." : error.message));
  at("message").focus();
}

begin();
