"""corpus.py N: N short texts, all different, as JSON Lines."""
import json
import random
import sys

WORDS = """river mountain engine theory protein market castle violin network harvest glacier satellite
poem bridge vaccine orbit lantern parliament algorithm desert whale cathedral turbine festival quantum
forest library volcano merchant telescope harbour symphony battery monsoon archive""".split()
random.seed(7)
for i in range(int(sys.argv[1])):
    print(json.dumps({"id": f"doc '{i}'", "text": " ".join(random.choices(WORDS, k=12)) + f" {i}"}))
