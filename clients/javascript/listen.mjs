// Prints the text of a running emgtype daemon: the text so far, then every line as it is finished.
//
//     npm ci
//     node listen.mjs ipc:///run/user/1000/emgtype/text [PERSON] [KEYS.json] [CONTROL]
//
// An example of docs/protocol.md (publish.encoding = "json"): subscribe, ask for a snapshot, then apply the edits that
// follow. After a lost edit, or a restart of the daemon, it asks for another snapshot and prints it from its beginning.
// KEYS.json is a certificate made by `emgtype certificates new`, for a daemon that admits known clients alone.

import { readFileSync } from "node:fs";
import { Request, Subscriber } from "zeromq";

const [endpoint, person = "me", keyFile, controlEndpoint = `${endpoint}.control`] = process.argv.slice(2);
if (!endpoint) {
  console.error("usage: node listen.mjs ENDPOINT [PERSON] [KEYS.json] [CONTROL]");
  process.exit(2);
}

const certificate = keyFile ? JSON.parse(readFileSync(keyFile, "utf8")) : null;
const curve = certificate
  ? { curvePublicKey: certificate.public, curveSecretKey: certificate.secret, curveServerKey: certificate.server }
  : {};

// Returns the text that keys make: ⌫ removes the last character, ⏎ breaks the line, ⇧ shows nothing.
function render(keys) {
  const text = [];
  for (const key of keys) {
    if (key === "⌫") text.pop();
    else if (key !== "⇧") text.push(key === "⏎" ? "\n" : key);
  }
  return text.join("");
}

async function snapshot() {
  const socket = new Request({ ...curve, linger: 0, receiveTimeout: 3000 });
  try {
    socket.connect(controlEndpoint);
    await socket.send(JSON.stringify({ v: 1, do: "snapshot", person }));
    const answer = JSON.parse((await socket.receive()).toString());
    if (!answer.ok) throw new Error(answer.error);
    const { run, keys, tail, next } = answer.people[person];
    return { run, keys: [...keys], tail, next: next.keys };
  } finally {
    socket.close();
  }
}

const subscriber = new Subscriber({ ...curve, linger: 0 });
subscriber.subscribe(`keys.${person}`, `heartbeat.${person}`);
subscriber.connect(endpoint);

let text = await snapshot();
// Number of final lines that are printed already.
let shown = 0;

function show() {
  const lines = render(text.keys.slice(0, text.keys.length - text.tail)).split("\n").slice(0, -1);
  for (const line of lines.slice(shown)) console.log(line);
  shown = lines.length;
}
show();

for await (const [topic, body] of subscriber) {
  const message = JSON.parse(body.toString());
  if (message.v !== 1) throw new Error(`a message of version ${message.v} came, expected 1`);
  // ZeroMQ matches topics by their beginning, so a person whose name begins with ours matches, too.
  if (message.person !== person) continue;
  const isHeartbeat = topic.toString().startsWith("heartbeat.");
  const number = isHeartbeat ? message.next.keys : message.seq;
  if (message.run !== text.run || number > text.next) {
    if (message.run === text.run) console.error(`${number - text.next} messages lost`);
    // The snapshot contains this message, too.
    text = await snapshot();
    shown = 0;
    console.error("joined");
  } else if (!isHeartbeat && number === text.next) {
    text.keys.splice(text.keys.length - message.erase, message.erase, ...message.keys.map((each) => each.key));
    text.tail = message.tail;
    text.next += 1;
  }
  show();
}
