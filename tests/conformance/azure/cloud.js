// Where cloudsim is, how to prove who we are, what it knows to be true, and how sums are compared with that.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ClientSecretCredential } from "@azure/identity";

export const dir = process.env.CLOUDSIM_DIR;
const yaml = readFileSync(`${dir}/trefoil.yaml`, "utf8");

function setting(name) {
  const m = yaml.match(new RegExp(`^\\s*${name}: "?([^"\\n]+)"?$`, "m"));
  assert.ok(m, `trefoil.yaml lacks ${name}`);
  return m[1];
}

function list(name) {
  const m = yaml.match(new RegExp(`^\\s*${name}:\\n((?:\\s+- .+\\n)+)`, "m"));
  return m[1].trim().split("\n").map((line) => line.trim().slice(2));
}

export const control = yaml.match(/control door (http:\S+)/)[1];
export const authority = setting("authority");
export const arm = setting("resource_manager");
export const logs = yaml.match(/^\s*logs: (https:\S+)$/m)[1];
export const metricsEndpoint = (region) => setting("metrics").replace("{region}", region);
export const tenant = setting("tenant_id");
export const client = setting("client_id");
export const secret = readFileSync(`${dir}/azure-client-secret`, "utf8");
export const subscriptions = list("subscriptions");
export const workspaces = list("workspaces");

export const identityOptions = { authorityHost: authority, disableInstanceDiscovery: true };
export const credential = new ClientSecretCredential(tenant, client, secret, identityOptions);
export const armOptions = {
  endpoint: arm,
  $host: arm,
  credentialScopes: "https://management.azure.com/.default",
  retryOptions: { maxRetries: 1 },
};
// The workload ended at the simulated clock's anchor; a minute inside each end keeps clear of the edges.
const ended = Number(BigInt(setting("anchor")) / 1000000n);
const minute = 60_000;
export const history = { from: new Date(ended - 3 * 60 * minute - minute), until: new Date(ended + 5 * minute) };
export const inner = {
  from: new Date(Math.floor(ended / minute) * minute - 150 * minute),
  until: new Date(Math.floor(ended / minute) * minute - 35 * minute),
};

export async function collect(pages) {
  const all = [];
  for await (const one of pages) all.push(one);
  return all;
}

// {family: Map("label=value,..." -> number)} of Azure without the series that stand at 0.
export async function truth({ from, until }) {
  const answer = await fetch(`${control}/truth?from=${from.toISOString()}&until=${until.toISOString()}`);
  assert.equal(answer.status, 200);
  const out = {};
  for (const s of (await answer.json()).series) {
    if (s.labels.cloud !== "azure") continue;
    out[s.family] ??= new Map();
    if (s.value) out[s.family].set(key(s.labels), s.value);
  }
  return out;
}

export function key(labels) {
  return Object.keys(labels).sort().map((k) => `${k}=${labels[k]}`).join(",");
}

export function add(sums, labels, value) {
  if (value) sums.set(key(labels), (sums.get(key(labels)) ?? 0) + value);
}

export function assertSame(sums, want, what) {
  assert.ok(want?.size > 0, `truth has nothing of ${what}`);
  const wrong = [];
  for (const k of new Set([...sums.keys(), ...want.keys()]))
    if (sums.get(k) !== want.get(k)) wrong.push(`${k}: read ${sums.get(k)}, true ${want.get(k)}`);
  assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} of ${want.size} series of ${what} differ`);
}

// The mapping's tables, written a second time on purpose.
const operations = {
  ChatCompletions_Create: "chat",
  create_response: "chat",
  Completions_Create: "text_completion",
  Embeddings_Create: "embeddings",
  ImageGenerations_Create: "image.generation",
};

export const operationOf = (name) => operations[name] ?? name.toLowerCase();

export function outcomeOf(code) {
  if (code === "429") return "throttled";
  return { 2: "success", 4: "client_error", 5: "server_error" }[code[0]];
}
