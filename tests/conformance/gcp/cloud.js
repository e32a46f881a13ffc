// Where cloudsim is, how to prove who we are, what it knows to be true, and how sums are compared with that.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { MetricServiceClient } from "@google-cloud/monitoring";
import { FoldersClient, OrganizationsClient, ProjectsClient } from "@google-cloud/resource-manager";
import { Logging } from "@google-cloud/logging";
import { gaxios, GoogleAuth } from "google-auth-library";

export const dir = process.env.CLOUDSIM_DIR;
const yaml = readFileSync(`${dir}/trefoil.yaml`, "utf8");
const block = yaml.slice(yaml.search(/^gcp:$/m));

function setting(name, text = block) {
  const m = text.match(new RegExp(`^\\s*${name}: "?([^"\\n]+?)"?$`, "m"));
  assert.ok(m, `trefoil.yaml lacks ${name}`);
  return m[1];
}

export const control = yaml.match(/control door (http:\S+)/)[1];
export const endpoint = setting("url");
export const folder = setting("folder");
export const keyFile = setting("credentials_file");
export const metadataHost = new URL(setting("metadata")).host;
export const credential = (name) => JSON.parse(readFileSync(`${dir}/${name}`, "utf8"));

export const scopes = ["cloud-platform", "monitoring.read", "logging.read"].map((s) => `https://www.googleapis.com/auth/${s}`);

// Addresses that the library has built in (https://oauth2.googleapis.com/token, ...) lead here.
const { request } = gaxios.Gaxios.prototype;
gaxios.Gaxios.prototype.request = function (ask) {
  const url = new URL(ask.url);
  const ours = url.hostname.endsWith(".googleapis.com");
  return request.call(this, ours ? { ...ask, url: endpoint + url.pathname + url.search } : ask);
};

// The service account's key, which signs for itself; the clients of all services share it.
export const auth = new GoogleAuth({ keyFile, scopes });

// The generated clients know Google's errors, if the layer below hands them over instead of throwing its own.
const fetchOrThrow = auth.fetch.bind(auth);
auth.fetch = (url, init) => fetchOrThrow(url, { ...init, validateStatus: () => true });
export const local = { fallback: true, apiEndpoint: new URL(endpoint).hostname, port: Number(new URL(endpoint).port) };
export const options = { ...local, auth };
export const monitoring = new MetricServiceClient(options);
export const projectsClient = new ProjectsClient(options);
export const foldersClient = new FoldersClient(options);
export const organizationsClient = new OrganizationsClient(options);
export const logging = (projectId) => new Logging({ ...options, projectId });

// The workload ended at the simulated clock's anchor.
const ended = Number(BigInt(setting("anchor", yaml)) / 1000000n);
const minute = 60_000;
export const history = { from: new Date(ended - 3 * 60 * minute - minute), until: new Date(ended + 5 * minute) };

export async function collect(pages) {
  const all = [];
  for await (const one of pages) all.push(one);
  return all;
}

export const faults = (method, body) => fetch(`${control}/faults`, { method, body: body && JSON.stringify(body) });

// The fault is in force while `body` runs.
export async function withFault(fault, body) {
  assert.equal((await faults("POST", fault)).status, 200);
  try {
    await body();
  } finally {
    await faults("DELETE");
  }
}

// {family: Map("label=value,..." -> number)} of Google Cloud without the series that stand at 0.
export async function truth({ from, until }) {
  const answer = await fetch(`${control}/truth?from=${from.toISOString()}&until=${until.toISOString()}`);
  assert.equal(answer.status, 200);
  const out = {};
  for (const s of (await answer.json()).series) {
    if (s.labels.cloud !== "gcp") continue;
    out[s.family] ??= new Map();
    if (s.value) out[s.family].set(key(s.labels), s.value);
  }
  return out;
}

export const key = (labels) => Object.keys(labels).sort().map((k) => `${k}=${labels[k]}`).join(",");

export function add(sums, labels, value) {
  if (value) sums.set(key(labels), (sums.get(key(labels)) ?? 0) + value);
}

export function assertSame(sums, want, what) {
  assert.ok(want?.size > 0, `truth has nothing of ${what}`);
  const wrong = [];
  for (const k of new Set([...sums.keys(), ...want.keys()]))
    if (Math.abs((sums.get(k) ?? 0) - (want.get(k) ?? 0)) > 1e-6)
      wrong.push(`${k}: read ${sums.get(k)}, true ${want.get(k)}`);
  assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} of ${want.size} series of ${what} differ`);
}
