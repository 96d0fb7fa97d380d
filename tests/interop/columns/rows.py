"""The rows that every writer writes, seeded: strings of all scripts, nulls, nested values, vectors."""
import json
import random
import struct

# What has no parts; fastparquet writes nothing else.
FLAT = ["id", "n", "text", "lang", "score", "flag"]
NESTED = ["tags", "meta", "messages", "emb"]
ROWS = 3000
DIMS = 8


def single(value):
    """The nearest float32."""
    return struct.unpack("f", struct.pack("f", value))[0]


def make():
    rng = random.Random(20)
    words = ["Haus", "река", "山", "𝄞", "naïve", "the", "of", "quote\"s", "back\\slash", "tab\t", "a", "ü"]
    rows = []
    for i in range(ROWS):
        rows.append(
            {
                "id": f"doc-{i}",
                "n": i * 1234567 - 1000,
                "text": " ".join(rng.choice(words) for _ in range(rng.randint(0, 60))),
                "lang": rng.choice(["de", "en", None]),
                "score": rng.choice([None, rng.random(), 3.0, 1e20, 1.5e-7]),
                "flag": rng.choice([True, False, None]),
                "tags": rng.choice([None, [], ["a"], ["b", "c\"d", "ж"]]),
                "meta": rng.choice([None, {"title": f"T{i}", "year": i}, {"title": None, "year": None}]),
                "messages": [
                    {"role": "user", "content": f"hi {j} {rng.choice(words)}"}
                    for j in range(rng.randint(1, 3))
                ],
                "emb": [single(rng.uniform(-1, 1)) for _ in range(DIMS)],
            }
        )
    return rows


def write_jsonl(path, rows, columns):
    with open(path, "w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps({name: row[name] for name in columns}, ensure_ascii=False) + "\n")
