// The library's own ways to credentials, and what it says when one is wrong.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Compute, ExternalAccountClient, gcpMetadata, GoogleAuth, Impersonated, JWT } from "google-auth-library";
import { UserRefreshClient } from "google-auth-library";
import { auth, credential, dir, endpoint, faults, keyFile, metadataHost, scopes } from "./cloud.js";

const search = `${endpoint}/v3/projects:search`;
const { project_id: home, client_email: email, private_key: key, private_key_id: keyId } = credential("gcp-key.json");

// Every project that the client may see, page by page.
async function projects(client) {
  const found = [];
  for (let token = ""; token !== undefined; ) {
    const { data } = await client.request({ url: `${search}?pageToken=${token}`, retry: false });
    found.push(...(data.projects ?? []).map((p) => p.projectId));
    token = data.nextPageToken;
  }
  return found;
}

async function reads(client) {
  assert.ok((await projects(client)).includes(home));
}

const fromFile = (name) =>
  new GoogleAuth({ keyFilename: `${dir}/${name}`, scopes }).getClient();
const service = (more) => new JWT({ email, key, keyId, ...more });

// ---- a service account's key ----

test("a key signs for itself, with scopes", async () => {
  const client = service({ scopes });
  client.useJWTAccessWithScope = true;
  const token = (await client.getRequestHeaders(search)).get("authorization").slice(7);
  assert.equal(token.split(".").length, 3);
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  assert.equal(claims.scope, scopes.join(" "));
  await reads(client);
});

test("a key signs for itself, for one service", async () => {
  const client = service({});
  client.defaultServicePath = "cloudresourcemanager.googleapis.com";
  client.useJWTAccessWithScope = false;
  client.defaultScopes = scopes;
  await client.getRequestHeaders("https://cloudresourcemanager.googleapis.com/");
  const token = (await client.getRequestHeaders("https://cloudresourcemanager.googleapis.com/")).get("authorization");
  const ask = (path) => fetch(endpoint + path, { headers: { authorization: token } });
  assert.equal((await ask("/v3/projects:search")).status, 200);
  assert.equal((await ask(`/v3/projects/${home}/metricDescriptors`)).status, 401, "of another service");
});

test("a key becomes an access token", async () => {
  const client = service({ scopes });
  const { access_token: token, expiry_date: end } = await client.authorize();
  assert.match(token, /^ya29\./);
  assert.ok(end > Date.now() + 3_000_000 && end < Date.now() + 3_700_000);
  await reads(client);
});

test("another key under the same name is invalid_grant", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const client = service({ key: privateKey.export({ type: "pkcs8", format: "pem" }), scopes });
  await assert.rejects(client.authorize(), (e) => {
    assert.equal(e.status ?? e.response?.status, 400);
    assert.match(JSON.stringify(e.response.data), /invalid_grant.*Invalid JWT Signature/);
    return true;
  });
});

test("an account that is not there is invalid_grant", async () => {
  const client = service({ email: "nobody@example.iam.gserviceaccount.com", scopes });
  await assert.rejects(client.authorize(), /account not found|invalid_grant/);
});

// ---- a person ----

test("a refresh token becomes an access token, and calls are charged to a quota project", async () => {
  const client = await fromFile("gcp-user.json");
  assert.ok(client instanceof UserRefreshClient);
  assert.equal((await client.getRequestHeaders()).get("x-goog-user-project"), home);
  await reads(client);
  const { data } = await client.request({ url: `${endpoint}/v3/projects/${home}` });
  assert.equal(data.projectId, home);
});

test("a person without a quota project is told so", async () => {
  const { quota_project_id: _, ...json } = credential("gcp-user.json");
  const client = new UserRefreshClient();
  client.fromJSON(json);
  await assert.rejects(client.request({ url: `${endpoint}/v3/projects/${home}` }), (e) => {
    assert.equal(e.status, 403);
    assert.match(e.message, /quota project/);
    return true;
  });
});

test("a revoked refresh token is invalid_grant", async () => {
  const client = new UserRefreshClient();
  client.fromJSON({ ...credential("gcp-user.json"), refresh_token: "1//0revoked" });
  await assert.rejects(client.getAccessToken(), /invalid_grant/);
});

// ---- workload identity federation ----

for (const name of ["gcp-external-file.json", "gcp-external-url.json", "gcp-external-aws.json"])
  test(`${name}: a workload becomes a service account`, async () => {
    const client = await fromFile(name);
    assert.match(client.getServiceAccountEmail(), /^trefoil-reader@/);
    const { token } = await client.getAccessToken();
    assert.match(token, /^ya29\.c\./);
    await reads(client);
  });

test("a workload with roles of its own needs no service account", async () => {
  const client = await fromFile("gcp-external-direct.json");
  assert.match((await client.getAccessToken()).token, /^ya29\.d\./);
  await reads(client);
});

test("a workload without roles reads nothing by itself", async () => {
  const { service_account_impersonation_url: _, ...json } = credential("gcp-external-file.json");
  const client = ExternalAccountClient.fromJSON({ ...json, scopes });
  await assert.rejects(client.request({ url: `${endpoint}/v3/projects/${home}`, retry: false }), { status: 403 });
});

test("a token lives as long as the file says", async () => {
  const client = await fromFile("gcp-external-url.json");
  await client.getAccessToken();
  const left = client.credentials.expiry_date ?? client.cachedAccessToken?.expiry_date;
  assert.ok(Math.abs(left - Date.now() - 2_800_000) < 30_000, `${left - Date.now()} ms left`);
});

test("a subject token of somebody else is refused", async () => {
  const parts = readFileSync(`${dir}/gcp-subject-token`, "utf8").split(".");
  const claims = JSON.parse(Buffer.from(parts[1], "base64url"));
  parts[1] = Buffer.from(JSON.stringify({ ...claims, sub: "system:serviceaccount:x:y" })).toString("base64url");
  const { credential_source: _, ...json } = credential("gcp-external-file.json");
  const supplier = { getSubjectToken: async () => parts.join(".") };
  const client = ExternalAccountClient.fromJSON({ ...json, scopes, subject_token_supplier: supplier });
  await assert.rejects(client.getAccessToken(), /invalid_grant/);
});

test("another pool is invalid_target", async () => {
  const audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/x/providers/y";
  const json = { ...credential("gcp-external-file.json"), audience };
  const client = ExternalAccountClient.fromJSON({ ...json, scopes });
  await assert.rejects(client.getAccessToken(), /invalid_target/);
});

// ---- impersonation ----

test("a person becomes the reader", async () => {
  const client = await fromFile("gcp-impersonated.json");
  assert.ok(client instanceof Impersonated);
  await reads(client);
});

test("the key's account becomes the reader, and nobody else", async () => {
  const sourceClient = service({ scopes });
  const target = (targetPrincipal, lifetime = 600) =>
    new Impersonated({ sourceClient, targetPrincipal, lifetime, targetScopes: scopes, endpoint });
  await reads(target(email.replace(/^trefoil@/, "trefoil-reader@")));
  await assert.rejects(target(`other@${home}.iam.gserviceaccount.com`).getAccessToken(), (e) => {
    assert.match(e.message, /iam\.serviceAccounts\.getAccessToken/);
    return true;
  });
  await assert.rejects(target(email.replace(/^trefoil@/, "trefoil-reader@"), 7200).getAccessToken(), /lifetime/);
});

// ---- the metadata server ----

test("an instance's metadata server gives tokens of its account", async () => {
  process.env.GCE_METADATA_HOST = metadataHost;
  assert.equal(await gcpMetadata.isAvailable(), true);
  assert.equal(await gcpMetadata.project("project-id"), home);
  assert.equal(await gcpMetadata.instance("service-accounts/default/email"), email);
  const client = new Compute({ scopes });
  await reads(client);
  await assert.rejects(new Compute({ serviceAccountEmail: "other@example.com" }).getAccessToken(), { status: 404 });
});

test("without its header the metadata server says nothing", async () => {
  const answer = await fetch(`http://${metadataHost}/computeMetadata/v1/project/project-id`);
  assert.equal(answer.status, 403);
  assert.equal(answer.headers.get("metadata-flavor"), "Google");
});

// ---- tokens that end ----

test("a token that is refused as expired is renewed once", async () => {
  const client = new UserRefreshClient({ forceRefreshOnFailure: true });
  client.fromJSON(credential("gcp-user.json"));
  await reads(client);
  const old = client.credentials.access_token;
  assert.equal((await faults("POST", { kind: "expire_tokens" })).status, 200);
  await reads(client);
  assert.notEqual(client.credentials.access_token, old);
});

test("a token without the scope is told apart from a missing permission", async () => {
  const client = service({ scopes: [scopes[1]] });
  await assert.rejects(client.request({ url: search, retry: false }), (e) => {
    assert.equal(e.status, 403);
    assert.match(JSON.stringify(e.response.data), /ACCESS_TOKEN_SCOPE_INSUFFICIENT/);
    return true;
  });
});

test("the default credentials are the file that the environment names", async () => {
  process.env.GOOGLE_APPLICATION_CREDENTIALS = keyFile;
  const found = new GoogleAuth({ scopes });
  assert.equal(await found.getProjectId(), home);
  await reads(await found.getClient());
  assert.equal((await auth.getCredentials()).client_email, email);
});
