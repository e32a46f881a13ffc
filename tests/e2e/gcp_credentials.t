#!/usr/bin/env python3
"""Each way to be somebody on Google Cloud gets a token and reads; each that cannot says what to change, and no secret."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from harness import BUILD, Tap, World

tap = Tap()
world = World(seed=3, speed=1, history="30m", cpm=120, more=("--clouds", "gcp"))
world.edit(r"^  credentials_file: .*$", "  credentials_file: @FILE@")
with open(world.config) as f:
    template = f.read()
# Nobody else's credentials: neither gcloud's nor those that the environment names.
environment = {k: v for k, v in os.environ.items() if not k.startswith(("GOOGLE_", "GCE_", "CLOUDSDK_", "AWS_"))}
environment["HOME"] = world.dir


def path(name):
    return f"{world.dir}/{name}"


def check(file, exchange=False, **more):
    """What check --connect says about this credential file: its first lines tell of the credential."""
    text = template.replace("@FILE@", f'"{file}"')
    if exchange:
        text = text.replace("gcp:\n", "gcp:\n  self_signed_jwt: false\n", 1)
    with open(path("check.yaml"), "w") as out:
        out.write(text)
    p = subprocess.run([f"{BUILD}/trefoil", "check", "--connect", f"--config.file={path('check.yaml')}"],
                       capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, env={**environment, **more})
    return p.returncode, p.stdout + p.stderr


def calls(api):
    return sum(a["calls"] for a in world.requests()["apis"] if a["cloud"] == "gcp" and a["api"] == api)


# Name, a word of the kind that is told, the APIs that must have been asked for the token.
ways = [
    ("gcp-key.json", "service account key", []),
    ("gcp-user.json", "user login", ["oauth2:token"]),
    ("gcp-impersonated.json", "impersonated service account", ["oauth2:token", "iamcredentials:generateAccessToken"]),
    ("gcp-external-file.json", "workload identity federation", ["sts:token", "iamcredentials:generateAccessToken"]),
    ("gcp-external-direct.json", "workload identity federation", ["sts:token"]),
    ("gcp-external-url.json", "workload identity federation", ["sts:token", "iamcredentials:generateAccessToken"]),
]
apis = ["oauth2:token", "sts:token", "iamcredentials:generateAccessToken", "metadata:token"]


def try_way(name, kind, wanted, text, before):
    code, said = text
    after = {api: calls(api) for api in apis}
    asked = sorted(api for api in apis if after[api] > before[api])
    tap.ok(re.search(rf"^ok +token of the {kind}", said, re.M), f"{name} gets a token", said)
    tap.ok(asked == sorted(wanted), f"{name} asks {', '.join(wanted) or 'nobody'} for it", f"asked {asked}\n{said}")
    tap.ok(re.search(r"^ok +list of projects$", said, re.M) and re.search(r"^ok +metrics of ", said, re.M) and code == 0, f"{name} reads with it", said)


try:
    for name, kind, wanted in ways:
        before = {api: calls(api) for api in apis}
        try_way(name, kind, wanted, check(path(name)), before)
    before = {api: calls(api) for api in apis}
    try_way("gcp-key.json", "service account key", ["oauth2:token"], check(path("gcp-key.json"), exchange=True), before)
    before = {api: calls(api) for api in apis}
    try_way("the metadata server", "metadata server", ["metadata:token"], check(""), before)
    before = {api: calls(api) for api in apis}
    try_way("GOOGLE_APPLICATION_CREDENTIALS", "user login", ["oauth2:token"],
            check("", GOOGLE_APPLICATION_CREDENTIALS=path("gcp-user.json")), before)

    def broken(what, name, words, **changes):
        """A copy of a file with these members changed: it has to fail with these words."""
        with open(path(name)) as f:
            members = json.load(f)
        secrets = [v for k, v in members.items() if k in ("private_key", "client_secret", "refresh_token")]
        members.update(changes)
        with open(path("broken.json"), "w") as out:
            json.dump(members, out)
        code, said = check(path("broken.json"))
        tap.ok(code == 1 and all(w in said for w in words), f"{what} is told", f"exit {code}, want {words}\n{said}")
        tap.ok(not any(s in said for s in secrets if s) and "PRIVATE KEY" not in said, f"{what}: no secret is told", said)

    broken("a revoked login", "gcp-user.json", ["token refused", "invalid_grant"], refresh_token="1//none")
    broken("a wrong client", "gcp-user.json", ["client_id or client_secret is wrong"], client_secret="none")
    broken("a key of somebody else", "gcp-key.json", ["the key's signature is not accepted", "http 401"], client_email="nobody@example.iam.gserviceaccount.com")
    broken("a key that is none", "gcp-key.json", ["private_key is no RSA key"], private_key="none")
    broken("a host of somebody else", "gcp-external-file.json", ["token_url leads to https://evil.example"],
           token_url="https://evil.example/v1/token")
    broken("another pool", "gcp-external-file.json", ["check audience"], audience="//iam.googleapis.com/projects/1/none")
    broken("a subject token that is not there", "gcp-external-file.json", ["subject token file /nonexistent"],
           credential_source={"file": "/nonexistent"})
    broken("a program to be run", "gcp-external-file.json", ["would run a program"],
           credential_source={"executable": {"command": "/bin/true"}})
    broken("an account that may not be impersonated", "gcp-impersonated.json", ["roles/iam.serviceAccountTokenCreator"],
           service_account_impersonation_url=json.load(open(path("gcp-impersonated.json")))
           ["service_account_impersonation_url"].replace("serviceAccounts/", "serviceAccounts/other-"))
finally:
    world.close()
tap.done()
