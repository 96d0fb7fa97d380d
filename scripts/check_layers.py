#!/usr/bin/env python3
"""Checks the layer rule on the includes: cli -> formats -> core, inside core
base -> math -> {text, model} -> pipeline, inside formats io -> columns -> arrow -> parquet -> corpus -> output,
io -> weights -> tokenizer -> model, io -> hub -> model, io -> report, downward only. Streets inside a room have an order too
(STREETS). A header and its source are one unit; units never include each other in a circle. Also: a
third-party header appears only where it is wrapped, and no source file is longer than 600 lines.
Exit 1 on a breach."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
MAX_LINES = 600

# room -> rooms it may include from (its own included)
ALLOWED = {
    'core': {'core', 'core/base'},
    'core/base': {'core/base'},
    'core/math': {'core', 'core/base', 'core/math'},
    'core/text': {'core', 'core/base', 'core/math', 'core/text'},
    'core/model': {'core', 'core/base', 'core/math', 'core/model'},
    'core/pipeline': {'core', 'core/base', 'core/math', 'core/text', 'core/text/chunk', 'core/model', 'core/pipeline'},
}
# street of a room -> streets below it; each sees the room's own top level as well
STREETS = {
    'core/text/unicode': (),
    'core/text/split': ('unicode',),
    'core/text/normalize': ('unicode', 'split'),
    'core/text/models': ('unicode', 'split', 'normalize'),
    'core/text/pipeline': ('unicode', 'split', 'normalize', 'models'),
    'core/text/chunk': ('unicode',),
    'core/model/families': (),
}
for street, lower in STREETS.items():
    room = street.rsplit('/', 1)[0]
    ALLOWED[street] = ALLOWED[room] | {street} | {f'{room}/{name}' for name in lower}
CORE = set(ALLOWED)
# room of formats -> what it may include beside core, itself and formats/io
FORMATS = {
    'io': set(),
    'columns': set(),
    'arrow': {'columns'},
    'parquet': {'columns', 'arrow'},
    'corpus': {'columns', 'parquet', 'arrow'},
    'output': {'corpus', 'parquet', 'arrow'},
    'weights': set(),
    'tokenizer': {'weights'},
    'hub': set(),
    'model': {'weights', 'tokenizer', 'hub'},
    'report': set(),
}
for name, lower in FORMATS.items():
    rooms = lower | {name, 'io'}
    ALLOWED[f'formats/{name}'] = CORE | {f'formats/{room}' for room in rooms}
ALLOWED['cli'] = set(ALLOWED) | {'cli'}

# third-party header prefix -> pattern of the files that may include it
WRAPPED = {
    'cblas.h': r'core/math/gemm_openblas\.cpp$',
    'openblas': r'core/math/gemm_openblas\.cpp$',
    'dnnl': r'core/math/gemm_onednn\.cpp$',
    'oneapi/': r'core/math/gemm_onednn\.cpp$',
    'sentencepiece': r'core/text/models/sentencepiece\.cpp$',
    'utf8proc': r'core/text/unicode/[a-z_]+\.cpp$',
    'unicode/': r'core/text/unicode/text_borders\.cpp$',
    'pcre2': r'core/text/split/pattern_regex\.cpp$',
    'Eigen/': r'core/math/matrix\.hpp$',
    'hwy/': r'core/math/',
    'CLI/': r'cli/(app|app_builder|completion|flags|help_formatter)\.[ch]pp$',
    'nlohmann/': r'(formats|cli)/',
    'simdjson': r'formats/',
    'zstd': r'formats/',
    'zlib': r'formats/io/bytes_gzip\.cpp$',
    'bzlib': r'formats/io/bytes_bzip2\.cpp$',
    'lzma': r'formats/io/bytes_xz\.cpp$',
    'lz4': r'formats/',
    'arrow_wire': r'formats/arrow/',
    'snappy': r'formats/parquet/parquet_codec\.cpp$',
    'brotli': r'formats/parquet/parquet_codec\.cpp$',
    'libdeflate': r'formats/parquet/parquet_codec\.cpp$',
    'xxhash': r'core/base/hash\.cpp$',
    'curl/': r'formats/hub/http_curl\.cpp$',
    'nettle/': r'formats/(hub/content_check|io/uuid)\.cpp$',
}


def room_of(path):
    """The street or room that a file is in: the longest known prefix of its folder."""
    parts = path.split('/')[:-1]
    while len(parts) > 1 and '/'.join(parts) not in ALLOWED:
        parts.pop()
    return '/'.join(parts)


def unit_of(path):
    """A header and the source of the same name are one unit."""
    return path.rsplit('.', 1)[0]


def find_cycle(graph):
    state = {}

    def visit(node, trail):
        state[node] = 1
        for after in graph.get(node, ()):
            if state.get(after) == 1:
                return trail + [node, after]
            if after not in state:
                found = visit(after, trail + [node])
                if found:
                    return found
        state[node] = 2
        return None

    for node in sorted(graph):
        if node not in state:
            found = visit(node, [])
            if found:
                return found
    return None


def check_file(name, text, graph, breaches):
    if text.count('\n') > MAX_LINES:
        breaches.append(f'{name}: {text.count(chr(10))} lines, more than {MAX_LINES}')
    room = room_of(name)
    for bracket, target in INCLUDE.findall(text):
        for prefix, pattern in WRAPPED.items():
            if target.startswith(prefix) and bracket == '<' and not re.match(pattern, name):
                breaches.append(f'{name}: includes <{target}>, which is wrapped in {pattern}')
        if bracket != '"':
            continue
        if unit_of(name) != unit_of(target):
            graph.setdefault(unit_of(name), set()).add(unit_of(target))
        if room_of(target) not in ALLOWED.get(room, set()):
            breaches.append(f'{name}: includes "{target}", upward or sideways from {room}')
        elif not (ROOT / target).exists():
            breaches.append(f'{name}: "{target}" does not exist (paths start at the top)')


def main():
    breaches, graph = [], {}
    files = sorted(p for top in ('cli', 'core', 'formats') for p in (ROOT / top).rglob('*.[ch]pp'))
    for path in files:
        check_file(path.relative_to(ROOT).as_posix(), path.read_text(encoding='utf-8'), graph,
                   breaches)
    cycle = find_cycle(graph)
    if cycle:
        breaches.append('include cycle: ' + ' -> '.join(cycle))
    for breach in breaches:
        print(breach)
    print(f'{len(files)} files, {len(breaches)} breaches')
    return 1 if breaches else 0


if __name__ == '__main__':
    sys.exit(main())
