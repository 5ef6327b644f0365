"""The official Python client of Ollama: every call it has, against whatever is at an address.

    client.py [ADDRESS]

The address is the argument or OLLAMA_HOST; OLLAMA_TOKEN, where it is set, goes along as a bearer
token. OLLAMA_MODEL and OLLAMA_EMBED_MODEL name models that are there, OLLAMA_PULL_MODEL one that
can be pulled. EXPECT_REFUSED names calls, with commas between, that must be refused.

Each call is one line of JSON on standard output: its name, whether it went as it should, and what
was seen. The exit code is 1 when one did not.
"""

import asyncio
import json
import os
import sys
import tempfile

import ollama

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("OLLAMA_HOST", "")
TOKEN = os.environ.get("OLLAMA_TOKEN", "")
HEADERS = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
MODEL = os.environ.get("OLLAMA_MODEL", "tiny")
EMBED_MODEL = os.environ.get("OLLAMA_EMBED_MODEL", "embeds")
PULL_MODEL = os.environ.get("OLLAMA_PULL_MODEL", "pulled")
# `systemone` came after the version that is compared with: not found is right.
REFUSED = {*filter(None, os.environ.get("EXPECT_REFUSED", "").split(",")), "systemone"}

client = ollama.Client(host=ADDRESS, headers=HEADERS)
question = [{"role": "user", "content": "hi"}]
failed = False


def check(name, call):
    """Makes a call and says how it went."""
    global failed
    try:
        detail, ok = call(), name not in REFUSED
    except ollama.ResponseError as error:
        detail, ok = f"{error.status_code}: {error.error}", name in REFUSED
    except Exception as error:  # whatever the client raises is what is to be seen
        detail, ok = f"{type(error).__name__}: {error}", False
    failed |= not ok
    print(json.dumps({"call": name, "ok": ok, "detail": detail}), flush=True)


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


def chat_async():
    async def run():
        answers = ollama.AsyncClient(host=ADDRESS, headers=HEADERS)
        return [part async for part in await answers.chat(MODEL, question, stream=True)]

    parts = asyncio.run(run())
    holds(parts[-1].done, parts)
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
    """These two go to the makers of Ollama, with the token of the address: none is given here."""
    try:
        call(ollama.Client(host=ADDRESS))
    except ValueError as error:
        return str(error)
    raise AssertionError("a search without a token was not refused")


def systemone():
    questions = {"one": {"type": "choice", "question": "?", "choices": ["a", "b"]}}
    return str(client._request_raw("POST", "/v1/systemone", json={
        "model": MODEL, "state": "x", "questions": questions,
    }).status_code)


for name, call in [
    ("list", list_models),
    ("show", show),
    ("preload", preload),
    ("generate", generate),
    ("generate_stream", generate_stream),
    ("chat", chat),
    ("chat_stream", chat_stream),
    ("chat_async", chat_async),
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
]:
    check(name, call)
sys.exit(failed)
