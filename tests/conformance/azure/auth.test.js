import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientSecretCredential, WorkloadIdentityCredential } from "@azure/identity";
import { CognitiveServicesManagementClient } from "@azure/arm-cognitiveservices";
import { armOptions, client, collect, credential, dir } from "./cloud.js";
import { identityOptions, secret, subscriptions, tenant } from "./cloud.js";

const scope = "https://management.azure.com/.default";

test("a client secret gives a token for each audience", async () => {
  const scopes = [scope, "https://metrics.monitor.azure.com/.default", "https://api.loganalytics.io/.default"];
  for (const one of scopes) {
    const token = await credential.getToken(one);
    const claims = JSON.parse(Buffer.from(token.token.split(".")[1], "base64url"));
    assert.equal(`${claims.aud}/.default`, one);
    assert.ok(token.expiresOnTimestamp > Date.now() + 50 * 60_000);
  }
});

test("a token that is still good is kept", async () => {
  assert.equal((await credential.getToken(scope)).token, (await credential.getToken(scope)).token);
});

test("a wrong secret fails with AADSTS7000215", async () => {
  const wrong = new ClientSecretCredential(tenant, client, `${secret}x`, identityOptions);
  await assert.rejects(wrong.getToken(scope), /AADSTS7000215/);
});

test("an unknown application fails with AADSTS700016", async () => {
  const wrong = new ClientSecretCredential(tenant, "00000000-0000-4000-8000-000000000001", secret, identityOptions);
  await assert.rejects(wrong.getToken(scope), /AADSTS700016/);
});

test("an unknown tenant fails with AADSTS90002", async () => {
  const wrong = new ClientSecretCredential("00000000-0000-4000-8000-000000000001", client, secret, identityOptions);
  await assert.rejects(wrong.getToken(scope), /AADSTS90002/);
});

test("an unknown audience fails with AADSTS500011", async () => {
  await assert.rejects(credential.getToken("https://nothing.example/.default"), /AADSTS500011/);
});

test("a federated token gives a token that Resource Manager takes", async () => {
  const federated = new WorkloadIdentityCredential({
    tenantId: tenant,
    clientId: client,
    tokenFilePath: `${dir}/federated-token`,
    ...identityOptions,
  });
  const arm = new CognitiveServicesManagementClient(federated, subscriptions[0], armOptions);
  assert.ok((await collect(arm.accounts.list())).length > 0);
});

test("a token of another audience is refused as the client expects", async () => {
  const options = { ...armOptions, credentialScopes: "https://api.loganalytics.io/.default" };
  const arm = new CognitiveServicesManagementClient(credential, subscriptions[0], options);
  await assert.rejects(collect(arm.accounts.list()), (e) => {
    assert.equal(e.statusCode, 401);
    assert.match(e.code, /^InvalidAuthenticationToken/);
    return true;
  });
});
