"""The official Python clients of Ollama, the plain one and the one for asyncio: every call they have,
against whatever is at an address.

    client.py [ADDRESS]

The address is the argument or OLLAMA_HOST; OLLAMA_TOKEN, where it is set, goes along as a bearer
token. OLLAMA_MODEL and OLLAMA_EMBED_MODEL name models that are there, OLLAMA_PULL_MODEL one that
can be pulled. EXPECT_REFUSED names calls, with commas between, that must be refused.

Each call is one line of JSON on standard output: its name (with `async_` before it for the second
client), whether it went as it should, and what was seen. The exit code is 1 when one did not.
"""

import asyncio
import json
import os
import sys
import tempfile

import httpx
import ollama

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("OLLAMA_HOST", "")
TOKEN = os.environ.get("OLLAMA_TOKEN", "")
HEADERS = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
MODEL = os.environ.get("OLLAMA_MODEL", "tiny")
EMBED_MODEL = os.environ.get("OLLAMA_EMBED_MODEL", "embeds")
PULL_MODEL = os.environ.get("OLLAMA_PULL_MODEL", "pulled")
# `systemone` came after the version that is compared with: not found is right.
REFUSED = {*filter(None, os.environ.get("EXPECT_REFUSED", "").split(",")), "systemone"}

question = [{"role": "user", "content": "hi"}]
failed = False


class Blocking:
    """The client for asyncio, called as the plain one is."""

    def __init__(self, *arguments, **named):
        self.client, self.loop = ollama.AsyncClient(*arguments, **named), asyncio.new_event_loop()

    def __getattr__(self, name):
        def call(*arguments, **named):
            answer = self.loop.run_until_complete(getattr(self.client, name)(*arguments, **named))
            return self.parts(answer) if hasattr(answer, "__anext__") else answer

        return call

    def parts(self, stream):
        while True:
            try:
                yield self.loop.run_until_complete(anext(stream))
            except StopAsyncIteration:
                return


def check(name, call, shown=None):
    """Makes a call and says how it went."""
    global failed
    try:
        detail, ok = call(), name not in REFUSED
    except ollama.ResponseError as error:
        detail, ok = f"{error.status_code}: {error.error}", name in REFUSED
    except Exception as error:  # whatever the client raises is what is to be seen
        detail, ok = f"{type(error).__name__}: {error}", False
    failed |= not ok
    print(json.dumps({"call": shown or name, "ok": ok, "detail": detail}), flush=True)


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


def generate():
    answer = client.generate(MODEL, "hi")
    holds(answer.done and answer.response and answer.eval_count > 0, answer)
    holds(answer.context and answer.total_duration > 0, answer)
    return answer.done_reason


def generate_stream():
    parts = list(client.generate(MODEL, "hi", stream=True))
    holds(len(parts) > 1 and parts[-1].done and not parts[0].done, parts)
    return len(parts)


def preload():
    return client.generate(MODEL).done_reason


def chat():
    answer = client.chat(MODEL, question)
    holds(answer.done and answer.message.role == "assistant" and answer.message.content, answer)
    return answer.done_reason


def chat_stream():
    parts = list(client.chat(MODEL, question, stream=True))
    holds([part.done for part in parts].count(True) == 1 and parts[-1].done, parts)
    return len(parts)


def embed():
    answer = client.embed(EMBED_MODEL, ["a", "b"])
    holds(len(answer.embeddings) == 2 and len(answer.embeddings[0]) > 1, answer)
    return len(answer.embeddings[0])


def embeddings():
    answer = client.embeddings(EMBED_MODEL, "a")
    holds(len(answer.embedding) > 1, answer)
    return len(answer.embedding)


def show():
    answer = client.show(MODEL)
    holds(answer.modelinfo["general.architecture"] and answer.capabilities, answer)
    return answer.capabilities


def list_models():
    answer = client.list()
    holds(answer.models and answer.models[0].digest and answer.models[0].size > 0, answer)
    return [model.model for model in answer.models]


def ps():
    answer = client.ps()
    holds(answer.models and answer.models[0].expires_at and answer.models[0].context_length, answer)
    return [model.model for model in answer.models]


def create_blob():
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"a blob")
        file.flush()
        return client.create_blob(file.name)


def create():
    answer = client.create("made-by-python", from_=MODEL, system="Be brief.")
    holds(answer.status == "success", answer)
    return answer.status


def create_stream():
    parts = list(client.create("made-by-python", from_=MODEL, stream=True))
    holds(parts[-1].status == "success", parts)
    return [part.status for part in parts]


def copy():
    answer = client.copy(MODEL, "copied-by-python")
    holds(answer.status == "success", answer)
    return answer.status


def delete():
    answers = [client.delete(name) for name in ("copied-by-python", "made-by-python")]
    holds(all(answer.status == "success" for answer in answers), answers)
    return answers[0].status


def pull():
    answer = client.pull(PULL_MODEL)
    holds(answer.status == "success", answer)
    return answer.status


def pull_stream():
    parts = list(client.pull(PULL_MODEL, stream=True))
    holds(parts[0].status == "pulling manifest" and parts[-1].status == "success", parts)
    holds(any(part.digest and part.total for part in parts), parts)
    return len(parts)


def push():
    parts = list(client.push(MODEL, stream=True))
    holds(parts[-1].status == "success", parts)
    return len(parts)


def web_search():
    return without_token(lambda client: client.web_search("anything"))


def web_fetch():
    return without_token(lambda client: client.web_fetch("https://example.com"))


def without_token(call):
    """These two go to the makers of Ollama, with the token of the address, if it has one. None is given
    here, and nothing is let out: where it would have gone is what is looked at."""
    asked = []

    def kept(request):
        asked.append(str(request.url))
        raise httpx.ConnectError("kept here")

    try:
        call(type(client)(host=ADDRESS, transport=httpx.MockTransport(kept)))
    except (ValueError, ConnectionError) as error:
        holds(all(url.startswith("https://ollama.com/") for url in asked), asked)
        return asked or str(error)
    raise AssertionError("a search was answered")


def systemone():
    questions = {"one": {"type": "choice", "instructions": "?", "criteria": {"a": "A", "b": "B"}}}
    try:
        return str(client.systemone(MODEL, "x", questions))
    except ollama.ResponseError as error:
        holds(error.status_code == 404, error)
        raise


def every_call():
    """Nothing a later version of the clients adds is left out."""
    for one in (ollama.Client, ollama.AsyncClient):
        public = {name for name in vars(one) if not name.startswith("_")} - {"close"}
        holds(public and public <= {name for name, _ in CALLS}, public)
    return len(public)


CALLS = [
    ("list", list_models),
    ("show", show),
    ("preload", preload),
    ("generate", generate),
    ("generate_stream", generate_stream),
    ("chat", chat),
    ("chat_stream", chat_stream),
    ("ps", ps),
    ("embed", embed),
    ("embeddings", embeddings),
    ("create_blob", create_blob),
    ("create", create),
    ("create_stream", create_stream),
    ("copy", copy),
    ("delete", delete),
    ("pull", pull),
    ("pull_stream", pull_stream),
    ("push", push),
    ("web_search", web_search),
    ("web_fetch", web_fetch),
    ("systemone", systemone),
]
for before, kind in [("", ollama.Client), ("async_", Blocking)]:
    client = kind(host=ADDRESS, headers=HEADERS)
    for name, call in CALLS:
        check(name, call, before + name)
check("every_call", every_call)
sys.exit(failed)
