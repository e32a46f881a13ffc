// Where cloudsim is, the library with each of the keys, what cloudsim knows to be true, and how sums are compared.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import OpenAI from "openai";

export const dir = process.env.CLOUDSIM_DIR;
const yaml = readFileSync(`${dir}/trefoil.yaml`, "utf8");
const block = yaml.slice(yaml.search(/^openai:$/m));

function setting(name, text = block) {
  const m = text.match(new RegExp(`^\\s*${name}: "?([^"\\n]+?)"?$`, "m"));
  assert.ok(m, `trefoil.yaml lacks ${name}`);
  return m[1];
}

export const control = yaml.match(/control door (http:\S+)/)[1];
export const endpoint = setting("url");
export const account = setting("organization");
export const key = (name) => readFileSync(`${dir}/${name}`, "utf8");

export const clientWith = (adminAPIKey, options) => new OpenAI({ adminAPIKey, apiKey: "unused", baseURL: endpoint, ...options });
export const client = clientWith(key("openai-admin-key"), { maxRetries: 10 });
export const organization = client.admin.organization;

const ended = Number(BigInt(setting("anchor", yaml)) / 1000000000n);
const minute = 60;
export const history = { from: ended - 3 * 60 * minute - minute, until: ended + 5 * minute };

// A call as anyone would make it, without a library: the answer as it is written.
export async function raw(path) {
  for (;;) {
    const answer = await fetch(`${endpoint}${path}`, { headers: { authorization: `Bearer ${key("openai-admin-key")}` } });
    if (answer.status === 429) {
      await new Promise((r) => setTimeout(r, Number(answer.headers.get("retry-after-ms"))));
      continue;
    }
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }
}

export async function collect(items) {
  const all = [];
  for await (const one of items) all.push(one);
  return all;
}

// Results of all pages, each with the start of its bucket.
export async function usage(kind, query) {
  const all = [];
  for (let page; ; ) {
    const answer = await organization.usage[kind]({
      start_time: history.from,
      end_time: history.until,
      ...query,
      ...(page && { page }),
    });
    for (const bucket of answer.data) all.push(...bucket.results.map((r) => ({ ...r, start_time: bucket.start_time })));
    if (!answer.has_more) return all;
    page = answer.next_page;
  }
}

// {family: Map("label=value,..." -> number)} of OpenAI without the series that stand at 0.
export async function truth() {
  const answer = await fetch(`${control}/truth`);
  assert.equal(answer.status, 200);
  const out = {};
  for (const s of (await answer.json()).series) {
    if (s.labels.cloud !== "openai") continue;
    out[s.family] ??= new Map();
    if (s.value) out[s.family].set(keyOf(s.labels), s.value);
  }
  return out;
}

export const keyOf = (labels) => Object.keys(labels).sort().map((k) => `${k}=${labels[k]}`).join(",");

export function add(sums, labels, value) {
  if (value) sums.set(keyOf(labels), (sums.get(keyOf(labels)) ?? 0) + value);
}

export function assertSame(sums, want, what) {
  assert.ok(want?.size > 0, `truth has nothing of ${what}`);
  const wrong = [];
  for (const k of new Set([...sums.keys(), ...want.keys()]))
    if (Math.abs((sums.get(k) ?? 0) - (want.get(k) ?? 0)) > 1e-6)
      wrong.push(`${k}: read ${sums.get(k)}, true ${want.get(k)}`);
  assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} of ${want.size} series of ${what} differ`);
}
