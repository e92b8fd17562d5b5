"""Tests against a live service of examples/serve/reward.ts (GUERDON_TEST_URL), and against sockets that misbehave."""

import asyncio
import inspect
import os
import pickle
import socket
import sys
import threading
import types
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import guerdon  # noqa: E402

URL = os.environ.get("GUERDON_TEST_URL", "")


class Scalar:
    """A number of NumPy, as far as this goes."""

    def __init__(self, value):
        self.value = value

    def item(self):
        return self.value


class Message:
    """A Pydantic model, as far as this goes."""

    def __init__(self, **values):
        self.values = values

    def model_dump(self):
        return dict(self.values)


@unittest.skipUnless(URL, "GUERDON_TEST_URL names no service")
class LiveTest(unittest.TestCase):
    def setUp(self):
        self.client = guerdon.Client(URL)
        self.addCleanup(self.client.close)

    def test_ready(self):
        self.assertTrue(self.client.ready())

    def test_score_with_advantages_and_reasons(self):
        scored = self.client.score(
            {"responses": ["1", "2", "unscored"], "references": ["1", "1", "1"], "groups": ["g", "g", "g"]}
        )
        self.assertEqual(scored.rewards, [1, 0, None])
        self.assertEqual(scored.advantages, [0.5, -0.5, None])
        self.assertEqual(scored.errors[2]["code"], "no-value")
        self.assertEqual(scored.signals["correct"]["values"], [1, 0, 0])
        with self.assertRaises(guerdon.UnscoredError) as caught:
            scored.numbers()
        self.assertEqual(caught.exception.index, 2)

    def test_trl(self):
        reward = guerdon.reward_func(self.client, name="math")
        self.assertEqual(reward.__name__, "math")
        completions = ["1", "2", "unscored"]
        more = {"answer": ["1", "1", "1"], "completion_ids": [[5], [5, 6], []], "trainer_state": object(), "image": [object()] * 3}
        self.assertEqual(reward(prompts=["p"] * 3, completions=completions, **more), [1, 0, None])

    def test_trl_columns_that_no_field_can_be_stay_at_home(self):
        reward = guerdon.reward_func(self.client)
        more = {"answer": ["1"], "Unnamed: 0": [3], "__proto__": [1], "": [1], "score": [float("nan")], "environments": [object()]}
        self.assertEqual(reward(prompts=["p"], completions=["1"], **more), [1])

    def test_trl_step_goes_along(self):
        seen = []
        request = self.client.request
        self.client.request = lambda *args, **options: seen.append(options.get("policy_step")) or request(*args, **options)
        reward = guerdon.reward_func(self.client)
        state = type("State", (), {"global_step": 12})()
        self.assertEqual(reward(prompts=["p"], completions=["1"], answer=["1"], trainer_state=state), [1])
        self.assertEqual(seen, [12])

    def test_trl_conversations(self):
        reward = guerdon.reward_func(self.client)
        prompts = [[{"role": "user", "content": "1?"}]]
        completions = [[{"role": "assistant", "content": "1"}]]
        self.assertEqual(reward(prompts=prompts, completions=completions, answer=["1"]), [1])

    def test_trl_asynchronous(self):
        reward = guerdon.async_reward_func(self.client)
        self.assertTrue(inspect.iscoroutinefunction(reward))
        self.assertEqual(asyncio.run(reward(prompts=["p"], completions=["1"], answer=["1"])), [1])

    def test_large_batches_are_cut(self):
        client = guerdon.Client(URL, batch_size=7)
        values = client.rewards({"responses": [str(i % 2) for i in range(100)], "references": ["1"] * 100})
        self.assertEqual(values, [i % 2 for i in range(100)])

    def test_verl(self):
        os.environ["GUERDON_URL"] = URL
        guerdon._default_client.cache_clear()
        self.assertEqual(guerdon.compute_score("gsm8k", "1", "1", {"index": 3, "split": "train"}), 1)
        with self.assertRaises(guerdon.UnscoredError):
            guerdon.compute_score("gsm8k", "unscored", "1")

    def test_verl_as_its_reward_loop_calls_it(self):
        os.environ["GUERDON_URL"] = URL
        guerdon._default_client.cache_clear()
        extra = {
            "answer": "a solution #### 1",
            "question": "1?",
            "index": Scalar(3),
            "num_turns": None,
            "rollout_reward_scores": {},
            "ratio": float("nan"),
            "a name with spaces": 1,
        }
        more = {"reward_router_address": "127.0.0.1:1", "reward_model_tokenizer": object()}
        value = guerdon.compute_score(data_source="gsm8k", solution_str="1", ground_truth="1", extra_info=extra, **more)
        self.assertEqual(value, 1)

    def test_verl_batches(self):
        os.environ["GUERDON_URL"] = URL
        guerdon._default_client.cache_clear()
        batch = {"data_sources": ["a", "a"], "solution_strs": ["1", "2"], "ground_truths": ["1", "1"]}
        self.assertEqual(guerdon.compute_score_batch(**batch, extra_infos=[{"index": 0}, {"other": 1}]), [1, 0])
        batch["solution_strs"] = ["1", "unscored"]
        with self.assertRaises(guerdon.UnscoredError) as caught:
            guerdon.compute_score_batch(**batch)
        self.assertEqual(caught.exception.index, 1)

    def test_openrlhf(self):
        os.environ["GUERDON_URL"] = URL
        guerdon._default_client.cache_clear()
        answer = guerdon.openrlhf_reward_func(["<s>1? 1</s>"], ["1? "], ["1"])
        self.assertEqual([float(value) for value in answer["rewards"]], [1.0])
        with self.assertRaises(guerdon.RequestError) as caught:
            guerdon.openrlhf_reward_func(["1? unscored"], ["1? "], ["1"])
        self.assertEqual(caught.exception.code, "unscored")

    def test_verifiers(self):
        reward = guerdon.verifiers_reward_func(self.client)
        completion = [{"role": "assistant", "content": "1"}]
        self.assertEqual(asyncio.run(reward(prompt="1?", completion=completion, answer="1", state={})), 1)
        with self.assertRaises(guerdon.UnscoredError):
            asyncio.run(reward(prompt="1?", completion="unscored", answer="1"))

    def test_verifiers_with_messages_that_are_models(self):
        reward = guerdon.verifiers_reward_func(self.client)
        prompt = [Message(role="user", content="1?")]
        completion = [Message(role="assistant", content="1", reasoning_content=None, tool_calls=None)]
        self.assertEqual(asyncio.run(reward(prompt=prompt, completion=completion, answer="1", state={})), 1)

    def test_verifiers_hears_of_an_unscored_rollout(self):
        errors = types.ModuleType("verifiers.errors")
        errors.Error = type("Error", (Exception,), {})
        sys.modules["verifiers.errors"] = errors
        self.addCleanup(sys.modules.pop, "verifiers.errors")
        reward = guerdon.verifiers_reward_func(self.client)
        state = {"error": None}
        with self.assertRaises(guerdon.UnscoredError):
            asyncio.run(reward(prompt="1?", completion="unscored", answer="1", state=state))
        self.assertIsInstance(state["error"], errors.Error)
        self.assertIn("no-value", str(state["error"]))

    def test_parts(self):
        answer = self.client.call_part("credit/group-relative", params={"scale": "none"}, inputs={"rewards": [1, 0], "groups": [1, 1]})
        self.assertEqual(answer["advantages"], [0.5, -0.5])

    def test_a_refusal_names_the_field_and_is_not_retried(self):
        with self.assertRaises(guerdon.RequestError) as caught:
            self.client.score({"responses": ["1"], "references": ["1", "2"]})
        self.assertEqual((caught.exception.status, caught.exception.field), (422, "fields.references"))

    def test_one_connection_serves_many_calls_of_a_thread(self):
        self.client.ready()
        first = self.client._local.connection.sock
        self.client.ready()
        self.assertIs(self.client._local.connection.sock, first)

    def test_threads(self):
        wrong = []

        def work():
            for i in range(10):
                if self.client.rewards({"responses": [str(i)], "references": ["1"]}) != [1 if i == 1 else 0]:
                    wrong.append(i)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_pickle(self):
        self.client.ready()
        copy = pickle.loads(pickle.dumps(self.client))
        self.assertEqual(copy.rewards({"responses": ["1"], "references": ["1"]}), [1])


class Flaky(BaseHTTPRequestHandler):
    """Answers from a script: a status, or None for a connection that breaks."""

    protocol_version = "HTTP/1.1"
    script = []
    seen = 0

    def do_GET(self):
        Flaky.seen += 1
        status = Flaky.script.pop(0) if Flaky.script else 200
        if status is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        body = b'{"status": "ready"}' if status == 200 else b'{"error": {"code": "busy", "message": "later"}}'
        self.send_response(status)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class RetryTest(unittest.TestCase):
    def setUp(self):
        self.server = HTTPServer(("127.0.0.1", 0), Flaky)
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Flaky.seen = 0

    def client(self, **options):
        client = guerdon.Client(self.url, **options)
        self.addCleanup(client.close)
        return client

    def test_busy_and_broken_connections_are_tried_again(self):
        Flaky.script = [429, None, 503, 200]
        self.assertEqual(self.client().request("GET", "/readyz"), {"status": "ready"})
        self.assertEqual(Flaky.seen, 4)

    def test_gives_up_after_its_retries(self):
        Flaky.script = [503] * 9
        with self.assertRaises(guerdon.UnavailableError):
            self.client(retries=2).request("GET", "/readyz")
        self.assertEqual(Flaky.seen, 3)

    def test_other_errors_are_not_tried_again(self):
        Flaky.script = [422]
        with self.assertRaises(guerdon.RequestError):
            self.client().request("GET", "/readyz")
        self.assertEqual(Flaky.seen, 1)

    def test_nobody_there(self):
        with self.assertRaises(guerdon.UnavailableError):
            guerdon.Client("http://127.0.0.1:9", retries=1).request("GET", "/readyz")

    def test_not_a_url(self):
        with self.assertRaises(ValueError):
            guerdon.Client("localhost:80")

    def test_nan_is_not_sent(self):
        with self.assertRaises(ValueError):
            self.client().request("POST", "/v1/score", {"fields": {"x": [float("nan")]}})


if __name__ == "__main__":
    unittest.main()
