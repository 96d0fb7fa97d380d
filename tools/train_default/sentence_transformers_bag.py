"""A bag of int8 rows for sentence-transformers, whose StaticEmbedding wants one table of floats:

    SentenceTransformer(FOLDER, trust_remote_code=True)
"""
from pathlib import Path

from safetensors.torch import load_file
from sentence_transformers import models
from tokenizers import Tokenizer


class StaticEmbedding(models.StaticEmbedding):
    """The mean of weights[t] * embeddings[t] over a text's pieces t."""

    @classmethod
    def load(cls, folder):
        """Reads model.safetensors and tokenizer.json of `folder`."""
        tensors = load_file(Path(folder) / "model.safetensors")
        return cls(Tokenizer.from_file(str(Path(folder) / "tokenizer.json")),
                   embedding_weights=tensors["embeddings"] * tensors["weights"].unsqueeze(1))
