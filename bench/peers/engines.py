"""The engines that bench/peers.py compares: each turns batches of token ids into unit vectors.

An engine is made from a model folder, a precision and a folder of its own for what it converts the
model to (what is there already is not made again), for `streams` callers at a time with `threads`
threads each. `rest` follows every measurement. Packages are imported where they are used, so that
one that is missing leaves out its engine alone.
"""

import json
import queue
import time
from pathlib import Path

import numpy as np


class Unsupported(Exception):
    """What this engine cannot do, in words."""


def padded(batch):
    """Ids and mask as two arrays, texts filled up to the longest with 0."""
    longest = max(map(len, batch))
    ids = np.zeros((len(batch), longest), np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(batch):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return ids, mask


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def config_of(model):
    return json.loads((model / "config.json").read_text(encoding="utf-8"))


def once(path, make):
    """`path`, made by make(temporary path) where it is missing."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name("new-" + path.name)
        make(unfinished)
        unfinished.rename(path)
    return path


def exportable(model, attention):
    """The model, with this implementation of attention, as one PyTorch module from ids and mask to
    unit vectors, and an example of both."""
    import torch
    from transformers import AutoModel

    class Pooled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = AutoModel.from_pretrained(model, attn_implementation=attention)

        def forward(self, input_ids, attention_mask):
            tokens = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
            return torch.nn.functional.normalize((tokens * mask).sum(1) / mask.sum(1), dim=1)

    ids = torch.arange(1000, 1032).reshape(2, 16)
    mask = torch.ones_like(ids)
    mask[1, 10:] = 0
    return Pooled().eval(), {"input_ids": ids, "attention_mask": mask}


class SentenceTransformers:
    """PyTorch by sentence-transformers' own modules; f64 is the truth."""

    package = "sentence-transformers"
    lacks = {"int8": "nothing of its own for CPUs"}

    def __init__(self, model, precision, _, threads, streams):
        import torch
        from sentence_transformers import SentenceTransformer

        self.torch, self.threads = torch, threads
        dtype = {"f32": torch.float32, "bf16": torch.bfloat16, "f64": torch.float64}[precision]
        self.model = SentenceTransformer(str(model), device="cpu").to(dtype).eval()

    def encode(self, batch):
        self.torch.set_num_threads(self.threads)
        ids, mask = map(self.torch.from_numpy, padded(batch))
        with self.torch.inference_mode():
            out = self.model({"input_ids": ids, "attention_mask": mask})["sentence_embedding"]
        return unit(out.to(self.torch.float64).numpy())

    def rest(self, longest):
        pass


class OnnxRuntime:
    """The graph fused by ONNX Runtime's own optimizer; int8 by its dynamic quantization."""

    package = "onnxruntime"
    lacks = {"bf16": "no kernels for this kind of CPU"}

    def __init__(self, model, precision, folder, threads, streams):
        import onnxruntime

        path = once(folder / "model.onnx", lambda out: self.export(model, out))
        if precision == "int8":
            path = once(folder / "int8.onnx", lambda out: self.quantize(path, out))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.types = {i.name: np.int32 if "int32" in i.type else np.int64
                      for i in self.session.get_inputs()}
        self.shrink = onnxruntime.RunOptions()
        self.shrink.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    @staticmethod
    def export(model, out):
        import torch
        from onnxruntime.transformers import optimizer

        module, example = exportable(model, "eager")
        axes = {0: "batch", 1: "sequence"}
        plain = out.with_name("plain.onnx")
        # the older exporter: the optimizer knows its patterns
        torch.onnx.export(module, tuple(example.values()), plain, dynamo=False, opset_version=17,
                          input_names=list(example), output_names=["vector"],
                          dynamic_axes={**dict.fromkeys(example, axes), "vector": {0: "batch"}})
        config = config_of(model)
        fused = optimizer.optimize_model(str(plain), model_type="bert", opt_level=0,
                                         num_heads=config["num_attention_heads"],
                                         hidden_size=config["hidden_size"])
        fused.save_model_to_file(str(out))
        plain.unlink()

    @staticmethod
    def quantize(path, out):
        from onnx import TensorProto
        from onnxruntime.quantization import QuantType, quantize_dynamic

        # it does not know what type the fused operators return
        quantize_dynamic(path, out, per_channel=True, weight_type=QuantType.QInt8,
                         op_types_to_quantize=["MatMul", "Attention"],
                         extra_options={"DefaultTensorType": TensorProto.FLOAT})

    def run(self, batch, options=None):
        feed = dict(zip(("input_ids", "attention_mask"), padded(batch)))
        feed = {name: feed[name].astype(kind) for name, kind in self.types.items()}
        return self.session.run(None, feed, options)[0]

    def encode(self, batch):
        return self.run(batch)

    def rest(self, longest):
        """A run gives back what long texts took: their scores lie in memory whole."""
        if longest > 1024:
            self.run([[0]], self.shrink)


class OpenVino:
    """Converted from PyTorch; int8 is NNCF's quantization of weights and activations."""

    package = "openvino"
    lacks = {}

    def __init__(self, model, precision, folder, threads, streams):
        import openvino

        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise Unsupported("no bf16 on this CPU")
        path = once(folder / "f32" / "model.xml", lambda out: self.convert(model, out))
        if precision == "int8":
            path = once(folder / "int8" / "model.xml", lambda out: self.quantize(path, folder, out))
        hint = "bf16" if precision == "bf16" else "f32"
        self.model = core.compile_model(path, "CPU", {
            "INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads * streams,
            "NUM_STREAMS": streams})
        self.requests = queue.SimpleQueue()
        for _ in range(streams):
            self.requests.put(self.model.create_infer_request())

    @staticmethod
    def save(converted, out):
        """An IR is two files beside each other: the weights have their name before the graph has."""
        import openvino

        final = out.with_name("model.xml")
        openvino.save_model(converted, final, compress_to_fp16=False)
        final.rename(out)

    @classmethod
    def convert(cls, model, out):
        import openvino

        module, example = exportable(model, None)  # fused attention where the model has it
        converted = openvino.convert_model(module, example_input=example,
                                           input=[(name, [-1, -1]) for name in example])
        cls.save(converted, out)

    @classmethod
    def quantize(cls, path, folder, out):
        import nncf
        import openvino

        calibration = folder.parent / "calibration.jsonl"
        if not calibration.exists():
            raise Unsupported("no corpus to calibrate with")
        with open(calibration, encoding="utf-8") as lines:
            texts = [json.loads(line)["input_ids"] for line in lines]
        feeds = [dict(zip(("input_ids", "attention_mask"), padded([text]))) for text in texts]
        quantized = nncf.quantize(openvino.Core().read_model(path), nncf.Dataset(feeds),
                                  subset_size=len(feeds), model_type=nncf.ModelType.TRANSFORMER)
        cls.save(quantized, out)

    def encode(self, batch):
        ids, mask = padded(batch)
        request = self.requests.get()
        rows = request.infer({"input_ids": ids, "attention_mask": mask})[0].copy()
        self.requests.put(request)
        return rows

    def rest(self, longest):
        if longest > 1024:
            self.model.release_memory()


class CTranslate2:
    """Its encoder; the mean over the tokens is numpy's."""

    package = "ctranslate2"
    lacks = {}

    def __init__(self, model, precision, folder, threads, streams):
        import ctranslate2

        kind = {"f32": "float32", "bf16": "bfloat16", "int8": "int8"}[precision]
        if kind not in ctranslate2.get_supported_compute_types("cpu"):
            raise Unsupported(f"no {precision} on this CPU")
        if config_of(model)["model_type"] != "bert":
            raise Unsupported(f"no {config_of(model)['model_type']} models")
        path = once(folder / "f32", lambda out: self.convert(model, out))
        self.encoder = ctranslate2.Encoder(str(path), device="cpu", compute_type=kind,
                                           inter_threads=streams, intra_threads=threads)

    @staticmethod
    def convert(model, out):
        from ctranslate2.converters import TransformersConverter

        TransformersConverter(str(model)).convert(str(out), force=True)

    def encode(self, batch):
        tokens = np.asarray(self.encoder.forward_batch(batch).last_hidden_state)
        sums = [text[: len(ids)].mean(0) for text, ids in zip(tokens, batch)]
        return unit(np.stack(sums))

    def rest(self, longest):
        time.sleep(0.3)  # its OpenMP threads spin for 200 ms


class LlamaCpp:
    """A GGUF file made from the checkpoint: f16, and q8_0 beside everyone's int8. One text after
    another fills a micro-batch, without padding; one caller alone."""

    package = "llama-cpp-python"
    lacks = {"f32": "not measured; its f16 stands under bf16"}

    def __init__(self, model, precision, folder, threads, streams):
        import llama_cpp

        if streams > 1:
            raise Unsupported("one caller alone")
        if config_of(model)["model_type"] != "bert":
            raise Unsupported(f"no {config_of(model)['model_type']} models")
        kind = {"bf16": "F16", "int8": "Q8_0"}[precision]
        path = once(folder / f"{kind}.gguf", lambda out: self.convert(model, kind, out))
        self.api, self.threads, self.context = llama_cpp, threads, None
        self.width = config_of(model)["hidden_size"]
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(
            str(path).encode(), llama_cpp.llama_model_default_params())

    @staticmethod
    def convert(model, kind, out):
        import gguf
        from safetensors.numpy import load_file

        config = config_of(model)
        writer = gguf.GGUFWriter(out, "bert")
        writer.add_block_count(config["num_hidden_layers"])
        writer.add_context_length(config["max_position_embeddings"])
        writer.add_embedding_length(config["hidden_size"])
        writer.add_feed_forward_length(config["intermediate_size"])
        writer.add_head_count(config["num_attention_heads"])
        writer.add_layer_norm_eps(config["layer_norm_eps"])
        writer.add_causal_attention(False)
        writer.add_pooling_type(gguf.PoolingType.MEAN)
        writer.add_vocab_size(config["vocab_size"])
        writer.add_token_type_count(config["type_vocab_size"])
        writer.add_tokenizer_model("no_vocab")
        names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
        small = gguf.GGMLQuantizationType[kind]
        for name, values in load_file(model / "model.safetensors").items():
            stored = names.get_name(name, (".weight", ".bias"))
            if stored is None or not stored.startswith(("token", "position", "blk")):
                continue  # the pooler and tables of positions
            values = values.astype(np.float32)
            plain = values.ndim == 1 or stored.startswith(("token_types", "position"))
            data = values if plain else gguf.quants.quantize(values, small)
            writer.add_tensor(stored, data, raw_dtype=None if plain else small)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def widen(self, tokens):
        """A context for micro-batches of `tokens`."""
        self.rest(0)
        options = self.api.llama_context_default_params()
        options.n_ctx = options.n_batch = options.n_ubatch = self.tokens = tokens
        options.n_seq_max = 64
        options.kv_unified = True
        options.n_threads = options.n_threads_batch = self.threads
        options.embeddings = True
        self.context = self.api.llama_init_from_model(self.model, options)

    def encode(self, batch):
        """Micro-batches of 512 tokens, its default, or one text where that is longer."""
        longest = max(map(len, batch))
        if self.context is None or self.tokens < longest:
            self.widen(max(512, longest))
        rows, waiting = [], []
        for text in batch:
            if sum(map(len, waiting)) + len(text) > self.tokens:
                rows += self.compute(waiting)
                waiting = []
            waiting.append(text)
        return unit(np.array(rows + self.compute(waiting)))

    def compute(self, texts):
        api = self.api
        batch = api.llama_batch_init(sum(map(len, texts)), 0, 1)
        for number, text in enumerate(texts):
            for position, token in enumerate(text):
                i = batch.n_tokens
                batch.token[i], batch.pos[i] = token, position
                batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = 1, number, 1
                batch.n_tokens += 1
        status = api.llama_encode(self.context, batch)
        if status:
            raise RuntimeError(f"llama_encode: {status}")
        rows = [np.ctypeslib.as_array(api.llama_get_embeddings_seq(self.context, number),
                                      (self.width,)).copy() for number in range(len(texts))]
        api.llama_batch_free(batch)
        return rows

    def rest(self, longest):
        """The next measurement starts with micro-batches of its own size."""
        if self.context is not None:
            self.api.llama_free(self.context)
        self.context = None


ENGINES = {
    "sentence-transformers": SentenceTransformers,
    "ONNX Runtime": OnnxRuntime,
    "OpenVINO": OpenVino,
    "CTranslate2": CTranslate2,
    "llama.cpp": LlamaCpp,
}
