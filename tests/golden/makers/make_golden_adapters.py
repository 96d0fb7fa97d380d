#!/usr/bin/env python3
"""Makes the golden cases in tests/golden/adapters: LoRA adapters as PEFT saves them, over models of
tests/golden/data, and vectors of what transformers loads from such a folder, in float64.

  make_golden_adapters.py [CASE ...]      # needs torch, transformers >= 5 and peft
"""
import json
import pathlib
import sys

import peft
import torch
import transformers

from make_golden_transformers import encode, write

HERE = pathlib.Path(__file__).resolve().parents[1]
LENGTHS = [1, 2, 5, 13, 18, 33]

# case -> (base model, class that was trained, configuration of the adapter)
CASES = {
    # Every linear layer, ranks and factors of their own, alpha / sqrt(rank).
    'qwen3': ('qwen3_bidirectional', 'AutoModel', dict(
        r=3, lora_alpha=7, target_modules='all-linear', use_rslora=True,
        rank_pattern={'layers.1.self_attn.q_proj': 2}, alpha_pattern={'down_proj': 2})),
    # Trained below another head, so that names have a prefix; biases are saved whole, and
    # the base model lacks the head's layers.
    'bert': ('bert', 'AutoModelForMaskedLM', dict(
        r=2, lora_alpha=5, target_modules=['query', 'dense'], bias='all')),
    # The base model's names have a prefix, the adapter's have none; norms are saved whole.
    'distilbert': ('distilbert_prefix', 'AutoModel', dict(
        r=4, lora_alpha=4, target_modules=['q_lin', 'v_lin', 'lin1'],
        modules_to_save=['sa_layer_norm'])),
    # Tables of words and token types, whose matrices are kept the other way round.
    'tables': ('bert', 'AutoModel', dict(
        r=3, lora_alpha=2, target_modules=['word_embeddings', 'token_type_embeddings', 'query'])),
}


def train(model, seed):
    """What training would do to the adapter's tensors."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data.add_(noise.mul(0.3 if parameter.dim() == 2 else 0.1))


def make(name):
    base, cls, config = CASES[name]
    base_folder = HERE / 'data' / base / 'model'
    model = getattr(transformers, cls).from_pretrained(base_folder, dtype=torch.float32)
    torch.manual_seed(0)  # PEFT draws the first values
    adapted = peft.get_peft_model(model, peft.LoraConfig(**config))
    train(adapted, sum(map(ord, name)))
    folder = HERE / 'adapters' / name
    adapted.save_pretrained(folder / 'model')
    (folder / 'model' / 'README.md').unlink()
    again = transformers.AutoModel.from_pretrained(
        folder / 'model', attn_implementation='eager', dtype=torch.float64).eval()
    items = encode(again, again.config.vocab_size, LENGTHS)
    settings = folder / 'model' / 'adapter_config.json'
    text = json.loads(settings.read_text())
    text['base_model_name_or_path'] = base  # the test puts its path there
    text['target_modules'].sort()  # kept in a set
    settings.write_text(json.dumps(text, indent=1) + '\n')
    what = f'transformers {transformers.__version__}, peft {peft.__version__}, float64'
    write(folder, what, items)


if __name__ == '__main__':
    for case in sys.argv[1:] or CASES:
        make(case)
