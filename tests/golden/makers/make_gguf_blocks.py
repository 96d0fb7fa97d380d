#!/usr/bin/env python3
"""Makes tests/unit/data/gguf_blocks.json: blocks of random bytes of every quantized type, and what the
`gguf` package (pip install gguf) reads from them.
"""
import json
import pathlib

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

OUT = pathlib.Path(__file__).resolve().parents[2] / 'unit/data/gguf_blocks.json'
# type -> where f16 scales are in a block
SCALES = {T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q4_K: [0, 2],
          T.Q5_K: [0, 2], T.Q6_K: [208]}

random = np.random.RandomState(3)
cases = {}
for kind, places in SCALES.items():
    elements, size = GGML_QUANT_SIZES[kind]
    blocks = random.randint(0, 256, (4, size)).astype(np.uint8)
    for block in blocks:
        for at in places:
            scale = np.array([random.uniform(-0.05, 0.05)], '<f2')
            block[at:at + 2] = scale.view(np.uint8)
    values = dequantize(blocks.reshape(1, -1), kind).reshape(-1)
    assert values.dtype == np.float32 and len(values) == 4 * elements
    cases[kind.name.lower()] = {'bytes': blocks.tobytes().hex(),
                                'values': [float(v) for v in values]}
OUT.write_text(json.dumps(cases, separators=(',', ':')) + '\n')
