// Where cloudsim is, how to prove who we are, what it knows to be true, and how sums are compared with that.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { OrganizationsClient } from "@aws-sdk/client-organizations";
import { paginateListAccountsForParent } from "@aws-sdk/client-organizations";
import { paginateListOrganizationalUnitsForParent } from "@aws-sdk/client-organizations";

export const dir = process.env.CLOUDSIM_DIR;
const yaml = readFileSync(`${dir}/trefoil.yaml`, "utf8");
const block = yaml.slice(yaml.search(/^aws:$/m));

function setting(name, text = block) {
  const m = text.match(new RegExp(`^\\s*${name}: "?([^"\\n]+?)"?$`, "m"));
  assert.ok(m, `trefoil.yaml lacks ${name}`);
  return m[1];
}

// The libraries' own chain reads these, in their own formats.
process.env.AWS_SHARED_CREDENTIALS_FILE = setting("shared_credentials_file");
process.env.AWS_CONFIG_FILE = setting("config_file");
process.env.AWS_PROFILE = setting("profile");

export const control = yaml.match(/control door (http:\S+)/)[1];
export const endpoint = setting("url");
export const unit = setting("organization_unit");
export const trailGroup = setting("trail_group");
export const externalId = readFileSync(`${dir}/aws-external-id`, "utf8");
export const roleOf = (account) => setting("role_arn").replace("{account}", account);
export const regions = ["us-east-1", "us-west-2", "us-east-2", "eu-central-1", "ap-northeast-1"];
export const options = (region, credentials) => ({ region, endpoint, credentials, maxAttempts: 12 });

const ended = Number(BigInt(setting("anchor", yaml)) / 1000000n);
const minute = 60_000;
export const history = { from: new Date(ended - 3 * 60 * minute - minute), until: new Date(ended + 5 * minute) };

export async function collect(pages, items) {
  const all = [];
  for await (const page of pages) all.push(...(page[items] ?? []));
  return all;
}

const sts = new STSClient(options("us-east-1"));
export const self = await sts.send(new GetCallerIdentityCommand({}));

const assumed = new Map();
export async function credentialsOf(account) {
  if (account === self.Account) return undefined;
  if (!assumed.has(account)) {
    const answer = await sts.send(
      new AssumeRoleCommand({ RoleArn: roleOf(account), RoleSessionName: "conformance", ExternalId: externalId }),
    );
    const c = answer.Credentials;
    assumed.set(account, {
      accessKeyId: c.AccessKeyId,
      secretAccessKey: c.SecretAccessKey,
      sessionToken: c.SessionToken,
    });
  }
  return assumed.get(account);
}

export const organizations = new OrganizationsClient(options("us-east-1"));

// All accounts below an organizational unit, however deep.
export async function accountsBelow(parent) {
  const accounts = await collect(paginateListAccountsForParent({ client: organizations }, { ParentId: parent }), "Accounts");
  const units = paginateListOrganizationalUnitsForParent({ client: organizations }, { ParentId: parent });
  for (const one of await collect(units, "OrganizationalUnits")) accounts.push(...(await accountsBelow(one.Id)));
  return accounts;
}

export const stateOf = (a) => a.State ?? a.Status ?? "ACTIVE";

// Every account in every region, one after the other: limits are per account and region.
export async function everywhere(read) {
  const accounts = (await accountsBelow(unit)).filter((a) => stateOf(a) === "ACTIVE").map((a) => a.Id);
  await Promise.all(
    accounts.map(async (account) => {
      const credentials = await credentialsOf(account);
      for (const region of regions) await read({ account, region, options: options(region, credentials) });
    }),
  );
}

// {family: Map("label=value,..." -> number)} of AWS without the series that stand at 0.
export async function truth({ from, until }) {
  const answer = await fetch(`${control}/truth?from=${from.toISOString()}&until=${until.toISOString()}`);
  assert.equal(answer.status, 200);
  const out = {};
  for (const s of (await answer.json()).series) {
    if (s.labels.cloud !== "aws") continue;
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
