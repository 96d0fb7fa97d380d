#!/usr/bin/env python3
"""Makes the golden case in tests/golden/tasks: a model with an adapter for each task, as Jina
embeddings v3 is published, and vectors in float64: of each task transformers' JinaEmbeddingsV3Model
with the adapter added to its weights.

  make_golden_tasks.py      # needs torch and transformers >= 5
"""
import json
import pathlib

import safetensors.torch
import torch
import transformers

from make_golden_transformers import CASES, encode, seed_weights, write

HERE = pathlib.Path(__file__).resolve().parents[1]
LENGTHS = [1, 2, 5, 13, 18, 33]
RANK, ALPHA = 3, 2
TASKS = ['retrieval.query', 'retrieval.passage', 'text-matching']
PROMPTS = {'retrieval.query': 'Find: ', 'retrieval.passage': '', 'text-matching': ''}
# Keys of jinaai/jina-embeddings-v3 in the place of transformers' own.
CONFIG = dict(
    architectures=['XLMRobertaLoRA'], model_type='xlm-roberta', position_embedding_type='rotary',
    auto_map={'AutoConfig': 'jinaai/xlm-roberta-flash-implementation--'
                            'configuration_xlm_roberta.XLMRobertaFlashConfig',
              'AutoModel': 'jinaai/xlm-roberta-flash-implementation--modeling_lora.XLMRobertaLoRA'},
    rotary_emb_base=20000.0, lora_adaptations=TASKS, lora_rank=RANK, lora_alpha=ALPHA,
    lora_dropout_p=0.0, lora_main_params_trainable=False, load_trained_adapters=True,
    task_instructions=PROMPTS, use_flash_attn=True, truncate_dim=None)


def adapters(matrix, is_table, generator):
    """lora_A and lora_B of all tasks, in float16."""
    rows, columns = matrix.shape
    shapes = [(rows, RANK), (RANK, columns)] if is_table else [(RANK, columns), (rows, RANK)]
    return [0.4 * torch.randn((len(TASKS), *shape), generator=generator) for shape in shapes]


def change(a, b, is_table):
    """What one task's adapter adds to the matrix."""
    a, b = a.half().double(), b.half().double()
    return (a @ b if is_table else b @ a) * (ALPHA / RANK)


def main():
    cls, config = CASES['jina_v3']
    model_class = getattr(transformers, cls)
    config = model_class.config_class(**config)
    config._attn_implementation = 'eager'
    model = model_class(config).double().eval()
    with torch.no_grad():
        seed_weights(model, 1203)
    folder = HERE / 'tasks'
    scratch = folder / 'model'
    model.save_pretrained(scratch)  # under the names of the hub
    state = safetensors.torch.load_file(scratch / 'model.safetensors')
    generator = torch.Generator().manual_seed(1204)
    stored, changes = {}, {}
    for name, tensor in sorted(state.items()):
        if tensor.dim() < 2:
            stored['roberta.' + name] = tensor.half()
            continue
        module = 'roberta.' + name.removesuffix('.weight') + '.parametrizations.weight.'
        is_table = 'embeddings' in name
        a, b = adapters(tensor, is_table, generator)
        stored[module + 'original'] = tensor.half()
        stored[module + '0.lora_A'], stored[module + '0.lora_B'] = a.half(), b.half()
        changes[name] = [change(a[t], b[t], is_table) for t in range(len(TASKS))]
    for task in [None, *TASKS]:
        merged = {name: tensor + changes[name][TASKS.index(task)]
                  if task and name in changes else tensor for name, tensor in state.items()}
        safetensors.torch.save_file(merged, scratch / 'model.safetensors')
        again = model_class.from_pretrained(scratch, attn_implementation='eager',
                                            dtype=torch.float64).eval()
        place = folder / (task or 'none')
        (place / 'model').mkdir(parents=True, exist_ok=True)
        write(place, f'transformers {transformers.__version__} {cls}, float64',
              encode(again, config.vocab_size, LENGTHS))
        (place / 'model').rmdir()
    safetensors.torch.save_file(stored, scratch / 'model.safetensors', metadata={'format': 'pt'})
    old = json.loads((scratch / 'config.json').read_text())
    kept = {k: v for k, v in old.items() if k not in ('rope_parameters', 'dtype')}
    (scratch / 'config.json').write_text(json.dumps({**kept, **CONFIG}, indent=1) + '\n')
    modules = [dict(idx=0, name='transformer', path='', type='custom_st.Transformer', kwargs=['task']),
               dict(idx=1, name='1', path='1_Pooling', type='sentence_transformers.models.Pooling'),
               dict(idx=2, name='2', path='2_Normalize', type='sentence_transformers.models.Normalize')]
    (scratch / 'modules.json').write_text(json.dumps(modules, indent=1) + '\n')
    (scratch / '1_Pooling').mkdir(exist_ok=True)
    (scratch / '1_Pooling' / 'config.json').write_text(json.dumps(
        dict(word_embedding_dimension=config.hidden_size, pooling_mode_mean_tokens=True)) + '\n')
    (scratch / 'config_sentence_transformers.json').write_text(
        json.dumps(dict(prompts=PROMPTS, default_prompt_name=None, similarity_fn_name='cosine')) + '\n')


if __name__ == '__main__':
    main()
