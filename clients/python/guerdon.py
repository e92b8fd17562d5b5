"""Rewards from a Guerdon service, for Python trainers. Standard library only, Python 3.9 and newer.

    from guerdon import reward_func
    trainer = GRPOTrainer(..., reward_funcs=reward_func("http://127.0.0.1:8420"))

A rollout that could not be scored is ``None`` where the trainer can mask it (TRL), and an exception where it
cannot (verl, OpenRLHF, verifiers). Nothing here turns an error into a number.
"""

from __future__ import annotations

import asyncio
import functools
import http.client
import json
import os
import random
import re
import socket
import ssl
import sys
import threading
import time
import uuid
from typing import Any, Awaitable, Callable, Dict, List, Literal, Mapping, MutableMapping, NamedTuple, Optional, Sequence, Union
from urllib.parse import unquote, urlsplit

__version__ = "0.1.0"
__all__ = [
    "AsyncRewardFunc",
    "Client",
    "GuerdonError",
    "RequestError",
    "Scored",
    "UnavailableError",
    "UnscoredError",
    "async_reward_func",
    "compute_score",
    "compute_score_batch",
    "openrlhf_reward_func",
    "reward_func",
    "verifiers_reward_func",
]

Columns = Mapping[str, Sequence[Any]]
RewardFunc = Callable[..., List[Optional[float]]]
AsyncRewardFunc = Callable[..., Awaitable[List[Optional[float]]]]


class GuerdonError(Exception):
    """Everything that this module raises."""


class RequestError(GuerdonError):
    """The service refused the request; asking again will not help. ``field`` names what is wrong."""

    def __init__(self, status: int, code: str, message: str, field: Optional[str] = None, request_id: str = "") -> None:
        place = f"{field}: " if field else ""
        super().__init__(f"{place}{message} (HTTP {status}, {code}, request {request_id or 'unknown'})")
        self.status = status
        self.code = code
        self.field = field
        self.request_id = request_id


class UnavailableError(GuerdonError):
    """The service could not be reached, or had no time, within all retries."""


class UnscoredError(GuerdonError):
    """A rollout has no reward, and the trainer has no way to be told. ``error`` is the service's reason."""

    def __init__(self, index: int, error: Optional[Mapping[str, Any]]) -> None:
        reason = f"{error.get('code')}: {error.get('message')}" if error else "no reason given"
        super().__init__(f"rollout {index} was not scored: {reason}")
        self.index = index
        self.error = dict(error) if error else None


class Scored(NamedTuple):
    """A scored batch. ``rewards[i]`` is None for an unscored rollout; ``errors[i]`` then says why."""

    rewards: List[Optional[float]]
    errors: List[Optional[Dict[str, Any]]]
    combined: List[Optional[float]]
    advantages: Optional[List[Any]]
    signals: Dict[str, Dict[str, Any]]
    reward: Dict[str, str]
    request_id: str

    def numbers(self) -> List[float]:
        """The rewards; raises ``UnscoredError`` for the first rollout that has none."""
        numbers: List[float] = []
        for index, value in enumerate(self.rewards):
            if value is None:
                raise UnscoredError(index, self.errors[index])
            numbers.append(value)
        return numbers


class Client:
    """A service. Threads may share it; each keeps its own connection, and so does each process after a fork.

    ``timeout`` is the limit in seconds for one call with all its retries, ``retries`` their number. The token
    defaults to the environment's ``GUERDON_TOKEN``; ``http://:token@host:port`` works as well.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        *,
        token: Optional[str] = None,
        reward: Optional[str] = None,
        timeout: float = 120.0,
        retries: int = 6,
        batch_size: int = 1024,
        context: Optional[ssl.SSLContext] = None,
    ) -> None:
        given = url or os.environ.get("GUERDON_URL") or "http://127.0.0.1:8420"
        parts = urlsplit(given)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url: expected http://host:port, got {given!r}")
        if timeout <= 0 or retries < 0 or batch_size < 1:
            raise ValueError("timeout and batch_size must be positive, retries not negative")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._secure else 80)
        self._path = parts.path.rstrip("/")
        self._token = token or (unquote(parts.password) if parts.password else None) or os.environ.get("GUERDON_TOKEN")
        self._context = context
        self._local = threading.local()
        self.reward = reward or os.environ.get("GUERDON_REWARD")
        self.timeout = timeout
        self.retries = retries
        self.batch_size = batch_size

    def __getstate__(self) -> Dict[str, Any]:
        # Trainers send reward functions to other processes; connections and TLS contexts stay here.
        return {key: value for key, value in self.__dict__.items() if key not in ("_local", "_context")}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()
        self._context = None

    def score(
        self,
        fields: Columns,
        *,
        reward: Optional[str] = None,
        evidence: bool = False,
        credit: bool = True,
        policy_step: Optional[int] = None,
    ) -> Scored:
        """Scores rollouts given as columns of equal length (``responses``, ``references``, ``groups``, …) in one request.

        ``policy_step``, the step of the policy that wrote them, is kept in the service's store."""
        body: Dict[str, Any] = {"fields": fields, "evidence": evidence, "credit": credit}
        name = reward or self.reward
        if name is not None:
            body["reward"] = name
        answer = self.request("POST", "/v1/score", body, policy_step=policy_step)
        size = len(next(iter(fields.values()), []))
        rewards = answer.get("rewards")
        if not isinstance(rewards, list) or len(rewards) != size:
            raise GuerdonError(f"expected {size} rewards from the service, got {_shown(rewards)}")
        return Scored(
            rewards=rewards,
            errors=answer["errors"],
            combined=answer["combined"],
            advantages=answer.get("advantages"),
            signals=answer["signals"],
            reward=answer["reward"],
            request_id=answer["requestId"],
        )

    async def ascore(self, fields: Columns, **options: Any) -> Scored:
        """``score`` on a thread, so that the event loop goes on."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, functools.partial(self.score, fields, **options))

    def rewards(
        self,
        fields: Columns,
        *,
        reward: Optional[str] = None,
        policy_step: Optional[int] = None,
        errors: Literal["none", "raise"] = "none",
    ) -> List[Optional[float]]:
        """Rewards of any number of rollouts, in requests of ``batch_size`` (advantages are not asked for).

        ``errors="raise"``: ``UnscoredError`` for the first rollout without a reward, where it otherwise is None."""
        size = len(next(iter(fields.values()), []))
        values: List[Optional[float]] = []
        for start in range(0, size, self.batch_size):
            piece = {name: list(column[start : start + self.batch_size]) for name, column in fields.items()}
            scored = self.score(piece, reward=reward, credit=False, policy_step=policy_step)
            if errors == "raise":
                for index, value in enumerate(scored.rewards):
                    if value is None:
                        raise UnscoredError(start + index, scored.errors[index])
            values.extend(scored.rewards)
        return values

    def call_part(self, part: str, *, params: Optional[Mapping[str, Any]] = None, inputs: Mapping[str, Any]) -> Dict[str, Any]:
        """Runs one part (``credit/group-relative``) on plain data."""
        return self.request("POST", f"/v1/parts/{part}", {"params": params or {}, "inputs": inputs})

    def ready(self) -> bool:
        try:
            return self.request("GET", "/readyz", retries=0).get("status") == "ready"
        except GuerdonError:
            return False

    def close(self) -> None:
        """Closes this thread's connection."""
        self._drop()

    def request(
        self,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        *,
        retries: Optional[int] = None,
        policy_step: Optional[int] = None,
    ) -> Dict[str, Any]:
        """One call with its retries: after lost connections, 429, 502, 503 and 504."""
        payload = None if body is None else json.dumps(body, allow_nan=False, default=_plain).encode("utf-8")
        request_id = uuid.uuid4().hex
        ends = time.monotonic() + self.timeout
        most = self.retries if retries is None else retries
        problem = "no attempt was made"
        for attempt in range(most + 1):
            left = ends - time.monotonic()
            if left <= 0:
                break
            pause = 0.0
            try:
                status, headers, data = self._once(method, path, payload, request_id, left, policy_step)
            except (OSError, http.client.HTTPException) as thrown:
                self._drop()
                problem = f"{type(thrown).__name__}: {thrown}"
            else:
                answer = _parse(data)
                if 200 <= status < 300:
                    if answer is None:
                        raise GuerdonError(f"expected JSON from {path}, got {data[:80]!r}")
                    return answer
                error = (answer or {}).get("error") or {}
                refused = RequestError(
                    status,
                    str(error.get("code", "unknown")),
                    str(error.get("message", data[:200].decode("utf-8", "replace"))),
                    error.get("field"),
                    request_id,
                )
                if status not in (429, 502, 503, 504):
                    raise refused
                problem = str(refused)
                pause = _seconds(headers.get("retry-after"))
            if attempt == most:
                break
            wait = max(pause, min(10.0, 0.1 * 2**attempt)) * random.uniform(0.5, 1.0) + pause * 0.5
            time.sleep(max(0.0, min(wait, ends - time.monotonic())))
        raise UnavailableError(f"{self._host}:{self._port} gave no answer to {path} in {most + 1} attempts: {problem}")

    def _once(
        self, method: str, path: str, payload: Optional[bytes], request_id: str, left: float, policy_step: Optional[int]
    ) -> Any:
        connection = self._connection(left)
        headers = {"accept": "application/json", "x-request-id": request_id}
        if payload is not None:
            headers["content-type"] = "application/json"
            headers["x-deadline-ms"] = str(max(1, int(left * 1000)))
        if policy_step is not None:
            headers["x-policy-step"] = str(int(policy_step))
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        connection.request(method, self._path + path, body=payload, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        if answer.will_close:
            self._drop()
        return answer.status, answer.headers, data

    def _connection(self, left: float) -> http.client.HTTPConnection:
        kept: Optional[http.client.HTTPConnection] = getattr(self._local, "connection", None)
        # A connection that came along through a fork belongs to the parent.
        if kept is not None and getattr(self._local, "process", None) == os.getpid():
            kept.timeout = left
            if kept.sock is not None:
                kept.sock.settimeout(left)
            return kept
        made: http.client.HTTPConnection
        if self._secure:
            made = http.client.HTTPSConnection(self._host, self._port, timeout=left, context=self._context)
        else:
            made = http.client.HTTPConnection(self._host, self._port, timeout=left)
        made.connect()
        made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._local.connection = made
        self._local.process = os.getpid()
        return made

    def _drop(self) -> None:
        kept = getattr(self._local, "connection", None)
        self._local.connection = None
        if kept is not None and getattr(self._local, "process", None) == os.getpid():
            kept.close()


Service = Union[str, Client, None]


def _client(service: Service, options: Mapping[str, Any]) -> Client:
    return service if isinstance(service, Client) else Client(service, **options)


def _seconds(text: Optional[str]) -> float:
    try:
        return max(0.0, min(60.0, float(text or 0)))
    except ValueError:
        return 0.0


def _parse(data: bytes) -> Optional[Dict[str, Any]]:
    try:
        value = json.loads(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _plain(value: Any) -> Any:
    """Tensors and arrays as lists and numbers, messages that are Pydantic models as objects."""
    if isinstance(value, Mapping):
        return dict(value)
    for name in ("tolist", "item", "model_dump"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    raise TypeError(f"cannot send a {type(value).__name__}")


def _shown(value: Any) -> str:
    return f"{len(value)} of them" if isinstance(value, list) else type(value).__name__


# What TRL passes beside the columns of the data set.
_not_columns = {"completion_ids", "completions_ids", "prompt_ids", "trainer_state", "log_extra", "log_metric", "environments"}


def _trl_columns(prompts: Sequence[Any], completions: Sequence[Any], more: Mapping[str, Any]) -> Dict[str, Sequence[Any]]:
    size = len(completions)
    columns: Dict[str, Sequence[Any]] = {"prompt": prompts, "completion": completions}
    ids = more.get("completion_ids", more.get("completions_ids"))
    if ids is not None and len(ids) == size:
        columns["lengths"] = [len(one) for one in ids]
    for name, column in more.items():
        if name in _not_columns or not isinstance(column, (list, tuple)) or len(column) != size:
            continue
        if _is_field(name) and _can_be_sent(column):
            columns[name] = column
    return columns


_field = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def _is_field(name: Any) -> bool:
    """What the service takes as a name: not the ``Unnamed: 0`` of a data set, which no reward could read either."""
    return isinstance(name, str) and _field.fullmatch(name) is not None and name != "__proto__"


def _can_be_sent(value: Any) -> bool:
    """Not images, NaN and other things of a data set that JSON has no place for."""
    try:
        json.dumps(value, allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def reward_func(service: Service = None, *, name: str = "guerdon", **options: Any) -> RewardFunc:
    """A reward function for TRL's trainers. Unscored rollouts are None, which TRL masks.

    Every column of the data set goes along, so ``answer`` or ``solution`` become references.
    """
    client = _client(service, options)

    def guerdon_reward(prompts: Sequence[Any], completions: Sequence[Any], **more: Any) -> List[Optional[float]]:
        step = getattr(more.get("trainer_state"), "global_step", None)
        columns = _trl_columns(prompts, completions, more)
        return client.rewards(columns, policy_step=step if isinstance(step, int) and step >= 0 else None)

    guerdon_reward.__name__ = name
    return guerdon_reward


def async_reward_func(service: Service = None, *, name: str = "guerdon", **options: Any) -> AsyncRewardFunc:
    """``reward_func`` as a coroutine: several of them are awaited together by TRL."""
    plain = reward_func(service, **options)

    async def guerdon_reward(prompts: Sequence[Any], completions: Sequence[Any], **more: Any) -> List[Optional[float]]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, functools.partial(plain, prompts, completions, **more))

    guerdon_reward.__name__ = name
    return guerdon_reward


@functools.lru_cache(maxsize=None)
def _default_client() -> Client:
    return Client()


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Optional[Mapping[str, Any]] = None,
    **more: Any,
) -> float:
    """verl's custom reward function (``custom_reward_function.path=…/guerdon.py``), configured by the environment:
    ``GUERDON_URL``, ``GUERDON_TOKEN``, ``GUERDON_REWARD``. Raises ``UnscoredError``: verl cannot mask."""
    fields = _verl_columns([data_source], [solution_str], [ground_truth], [extra_info])
    return _default_client().score(fields, credit=False).numbers()[0]


def compute_score_batch(
    data_sources: Sequence[str],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Optional[Sequence[Optional[Mapping[str, Any]]]] = None,
    **more: Any,
) -> List[float]:
    """``compute_score`` for verl's ``batch`` reward manager: a whole batch in few requests."""
    size = len(solution_strs)
    extras = [None] * size if extra_infos is None else list(extra_infos)
    values = _default_client().rewards(_verl_columns(data_sources, solution_strs, ground_truths, extras), errors="raise")
    return [value for value in values if value is not None]


def _verl_columns(
    sources: Sequence[Any], solutions: Sequence[str], truths: Sequence[Any], extras: Sequence[Optional[Mapping[str, Any]]]
) -> Dict[str, List[Any]]:
    columns: Dict[str, List[Any]] = {
        "responses": list(solutions),
        "references": list(truths),
        "data_source": list(sources),
    }
    given = set(columns)
    for index, extra in enumerate(extras):
        for key, value in (extra or {}).items():
            # Numbers and arrays of NumPy among them, as data sets in Parquet give them.
            if key in given or value is None or not _is_field(key) or not _can_be_sent(value):
                continue
            columns.setdefault(key, [None] * len(solutions))[index] = value
    return columns


def openrlhf_reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **more: Any) -> Dict[str, Any]:
    """OpenRLHF's ``reward_func``. In the file that you give as the remote reward model, write
    ``from guerdon import openrlhf_reward_func as reward_func``. Configured by the environment, like ``compute_score``."""
    client = _default_client()
    path = "/get_reward" if client.reward is None else f"/rewards/{client.reward}/get_reward"
    answer = client.request("POST", path, {"query": list(queries), "prompts": list(prompts), "labels": list(labels)})
    torch = sys.modules.get("torch")
    if torch is None:
        return answer
    return {
        "rewards": torch.tensor(answer["rewards"]),
        "scores": torch.tensor(answer["scores"]),
        "extra_logs": {name: torch.tensor(values) for name, values in answer["extra_logs"].items()},
    }


def _mark(state: Any, error: Exception) -> None:
    """Puts an error where verifiers has those of rollouts, as the kind of error that it takes there."""
    kind = getattr(sys.modules.get("verifiers.errors") or sys.modules.get("verifiers.legacy.errors"), "Error", None)
    if not isinstance(kind, type) or not issubclass(kind, Exception) or not isinstance(state, MutableMapping):
        return
    if state.get("error") is None:
        marked = kind(str(error))
        marked.__cause__ = error
        state["error"] = marked


def verifiers_reward_func(service: Service = None, *, name: str = "guerdon", **options: Any) -> Callable[..., Awaitable[float]]:
    """A reward function for a ``verifiers`` Rubric. Raises ``UnscoredError``.

    A Rubric logs what a reward function raises and goes on with 0. So the error is put into the rollout's
    ``state["error"]`` as well, where verifiers has the errors of rollouts: leave out rollouts that have one."""
    client = _client(service, options)

    async def guerdon_reward(
        prompt: Any, completion: Any, answer: Any = None, info: Any = None, state: Any = None, **more: Any
    ) -> float:
        fields: Dict[str, Sequence[Any]] = {"prompt": [prompt], "completion": [completion]}
        if answer not in (None, ""):
            fields["answer"] = [answer]
        if isinstance(info, Mapping):
            for key, value in info.items():
                if key not in fields and _is_field(key) and _can_be_sent(value):
                    fields[key] = [value]
        try:
            return (await client.ascore(fields, credit=False)).numbers()[0]
        except GuerdonError as error:
            _mark(state, error)
            raise

    guerdon_reward.__name__ = name
    return guerdon_reward
