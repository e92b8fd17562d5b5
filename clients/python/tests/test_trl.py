"""Two GRPO steps of the real TRL with rewards from a live service, equal to those computed here.

Skipped where TRL, PyTorch or transformers is not installed, or without a service (GUERDON_TEST_URL). Nothing is
downloaded: the model is a tiny GPT-2 with random weights, the tokenizer knows ten words.
"""

import importlib.util
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import guerdon  # noqa: E402

URL = os.environ.get("GUERDON_TEST_URL", "")
MISSING = [name for name in ("trl", "torch", "transformers", "tokenizers", "datasets") if importlib.util.find_spec(name) is None]


@unittest.skipUnless(URL, "GUERDON_TEST_URL names no service")
@unittest.skipIf(MISSING, "not installed: " + ", ".join(MISSING))
class TrlTest(unittest.TestCase):
    def test_two_steps(self):
        import torch
        from datasets import Dataset
        from tokenizers import Tokenizer, models, pre_tokenizers
        from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
        from trl import GRPOConfig, GRPOTrainer

        words = ["<pad>", "<eos>"] + [str(digit) for digit in range(8)]
        raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<pad>"))
        raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", padding_side="left")
        torch.manual_seed(0)
        sizes = {"n_positions": 16, "n_embd": 16, "n_layer": 1, "n_head": 2}
        ends = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
        model = GPT2LMHeadModel(GPT2Config(vocab_size=len(words), **sizes, **ends))
        served = guerdon.reward_func(URL)
        seen = []

        def checked(prompts, completions, answer, **more):
            rewards = served(prompts=prompts, completions=completions, answer=answer, **more)
            here = [1.0 if completion.strip() == right else 0.0 for completion, right in zip(completions, answer)]
            self.assertEqual(rewards, here)
            seen.append(rewards)
            return rewards

        with tempfile.TemporaryDirectory() as folder:
            config = GRPOConfig(
                output_dir=folder,
                max_steps=2,
                per_device_train_batch_size=4,
                num_generations=4,
                max_completion_length=1,
                report_to=[],
                use_cpu=True,
                save_strategy="no",
            )
            data = Dataset.from_dict({"prompt": ["1 2", "3 4"] * 4, "answer": ["3", "7"] * 4})
            trainer = GRPOTrainer(
                model=model, reward_funcs=checked, args=config, train_dataset=data, processing_class=tokenizer
            )
            trainer.train()
        self.assertGreaterEqual(len(seen), 2)
        self.assertEqual(trainer.state.global_step, 2)


if __name__ == "__main__":
    unittest.main()
