"""Applies a feed of changes (JSON Lines) to the rows of an old output and compares the result with a
new one, row for row: apply_changes.py OLD.jsonl NEW.jsonl FEED.jsonl NEW/manifest.json. The first two
are exports. The feed must also be as short as it can be."""
import collections
import json
import sys

old, new, feed = ([json.loads(line) for line in open(path, encoding='utf-8')] for path in sys.argv[1:4])
first_row = {shard['name']: shard['first_row'] for shard in json.load(open(sys.argv[4]))['shards']}


def contents(rows):
    """Rows as a multiset."""
    return collections.Counter(json.dumps(row, sort_keys=True) for row in rows)


def fields(row):
    return {name: value for name, value in row.items() if name not in ('id', 'embedding')}


def by_id(rows):
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row['id']].append(row)
    return groups


index = by_id(old)
kinds = [change['op'] for change in feed]
assert kinds == sorted(kinds, key=lambda op: op != 'delete'), 'deletes come first'
places = []
for change in feed:
    if change['op'] == 'delete':
        assert change['shard'] is None and change['row'] is None and change['new_hash'] is None, change
        del index[change['id']]
        continue
    place = first_row[change['shard']] + change['row']
    places.append(place)
    row = new[place]
    assert row['id'] == change['id'], (row, change)
    if change['op'] == 'update':
        assert len(index[row['id']]) == 1 and change['old_hash'], change
        before = index[row['id']][0]
        text = change['old_hash'] != change['new_hash']
        assert text == (change['what'] in ('text', 'both')), change
        assert (fields(before) != fields(row)) == (change['what'] in ('fields', 'both')), change
        index[row['id']] = []
    else:
        assert change['op'] == 'insert' and change['old_hash'] is None, change
        assert change['what'] == 'ambiguous' or not index.get(row['id']), change
    index[row['id']].append(row)
assert places == sorted(places), 'upserts are in the order of rows'
applied = [row for rows in index.values() for row in rows]
assert contents(applied) == contents(new), 'the feed does not lead to the new output'

# Nothing that stays is listed.
before, now = by_id(old), by_id(new)
listed = {change['id'] for change in feed}
differ = {key for key in before.keys() | now.keys() if contents(before.get(key, [])) != contents(now.get(key, []))}
assert differ <= listed, 'a change is missing'
# Two texts may share a vector (both empty after tokenizing, say): then only the hash tells.
assert all(key in differ or any(c['id'] == key and c['old_hash'] != c['new_hash'] for c in feed) for key in listed), \
    'what has not changed is listed'
