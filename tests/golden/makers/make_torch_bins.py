#!/usr/bin/env python3
"""Makes the golden cases whose weights are files of torch.save(): copies of other cases, tensor for
tensor, with the same vectors.

  make_torch_bins.py      # needs torch and safetensors
"""
import json
import pathlib
import shutil

import torch
from safetensors.torch import load_file

DATA = pathlib.Path(__file__).resolve().parents[1] / 'data'
# case -> (the case it copies, number of files of the encoder's weights)
CASES = {'bin_bert_f16': ('bert_f16', 1), 'bin_sharded_dense': ('dense_nobias', 2)}


def save(folder, shards):
    source = folder / 'model.safetensors'
    tensors = load_file(source)
    source.unlink()
    if 'embeddings.position_embeddings.weight' in tensors:  # as BertModel stored it until 2022
        length = tensors['embeddings.position_embeddings.weight'].shape[0]
        tensors['embeddings.position_ids'] = torch.arange(length).reshape(1, -1)
    if shards == 1:
        torch.save(tensors, folder / 'pytorch_model.bin')
        return
    names = sorted(tensors)
    parts = [names[i::shards] for i in range(shards)]
    index = {'metadata': {}, 'weight_map': {}}
    for i, part in enumerate(parts):
        file = f'pytorch_model-{i + 1:05}-of-{shards:05}.bin'
        torch.save({name: tensors[name] for name in part}, folder / file)
        index['weight_map'].update({name: file for name in part})
    (folder / 'pytorch_model.bin.index.json').write_text(json.dumps(index, indent=1) + '\n')


for case, (original, shards) in CASES.items():
    shutil.rmtree(DATA / case, ignore_errors=True)
    shutil.copytree(DATA / original, DATA / case)
    golden = json.loads((DATA / case / 'golden.json').read_text())
    golden.update(source=f'{original}: {golden["source"]}', spec=[])
    golden.pop('weights_sha256', None)
    (DATA / case / 'golden.json').write_text(json.dumps(golden, separators=(',', ':')) + '\n')
    save(DATA / case / 'model', shards)
    for dense in (DATA / case / 'model').glob('*_Dense'):
        save(dense, 1)
    print(case)
