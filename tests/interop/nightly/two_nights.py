"""two_nights.py N: night1.jsonl of N records and night2.jsonl, for which some were deleted, changed and
added. Ids hold what quoting and escaping get wrong."""
import json
import sys

count = int(sys.argv[1])
rows = [{"id": f"it's \\ {i}\t{'é' * (i % 3)}", "text": f"{i} stone river", "lang": "en"} for i in range(count)]


def write(path):
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            print(json.dumps(row), file=file)


write("night1.jsonl")
del rows[100:100 + count // 10]
for row in rows[:count * 4 // 5:7]:
    row["text"] += " changed"
rows += [{"id": f"n{i}", "text": f"{i} new", "lang": "de"} for i in range(20)]
write("night2.jsonl")
