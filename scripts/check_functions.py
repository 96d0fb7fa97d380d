#!/usr/bin/env python3
"""Checks the house limits on C++ functions and classes. A function has at most 60 lines from the
signature to the closing brace, and fewer than 9 parameters; a lambda counts as part of the function
it is in. A class of core/pipeline has at most 200 lines: its body and its members that are defined
elsewhere. What ctags finds counts. Exit 1 on a breach, 77 where there is no Universal Ctags."""
import collections
import json
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ('core', 'formats', 'cli', 'bench', 'tests')
MAX_LINES = 60
MAX_PARAMETERS = 8
MAX_CLASS_LINES = 200
CLASS_FOLDERS = ('core/pipeline/',)
# Fewer would mean that ctags no longer understands the sources.
LEAST_FUNCTIONS = 1000
LEAST_CLASSES = 40


def find_ctags():
    """The path of a ctags that writes JSON; None where there is none."""
    for name in ('ctags-universal', 'ctags'):
        path = shutil.which(name)
        if path is None:
            continue
        features = subprocess.run([path, '--list-features'], capture_output=True, text=True)
        if 'json' in features.stdout.split():
            return path
    return None


def read_tags(ctags):
    """The tags of all functions, classes and structs that are defined, as dictionaries."""
    command = [ctags, '--output-format=json', '--languages=C++', '--map-C++=+.hpp',
               '--kinds-C++=fcs', '--fields=+neS', '-R', '-f', '-', *FOLDERS]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    tags = [json.loads(line) for line in listing.splitlines()]
    return [tag for tag in tags if tag.get('_type') == 'tag' and 'end' in tag]


def lines_of(tag):
    return tag['end'] - tag['line'] + 1


def class_lines(tags):
    """Maps (folder, scoped name) of the program's classes to [lines, place]. A class and its members
    share a folder, or they are different classes of one name."""
    classes = {}
    for tag in tags:
        if tag['kind'] != 'function' and tag['path'].startswith(CLASS_FOLDERS):
            scoped = '::'.join(filter(None, (tag.get('scope'), tag['name'])))
            folder = tag['path'].rpartition('/')[0]
            classes[folder, scoped] = [lines_of(tag), f"{tag['path']}:{tag['line']}"]
    bodies = collections.defaultdict(list)
    for tag in tags:
        if tag['kind'] != 'function':
            bodies[tag['path']].append((tag['line'], tag['end']))
    for tag in tags:
        key = tag['path'].rpartition('/')[0], tag.get('scope')
        inside = any(first <= tag['line'] <= last for first, last in bodies[tag['path']])
        if tag['kind'] == 'function' and key in classes and not inside:
            classes[key][0] += lines_of(tag)
    return classes


def count_parameters(signature):
    """Commas outside of nested brackets separate parameters: "(int a, map<int, int> b)" has 2."""
    inside = signature[signature.find('(') + 1:]
    depth = 0
    count = 1
    for index, character in enumerate(inside):
        if character in '(<[{':
            depth += 1
        elif character == ')' and depth == 0:
            return 0 if inside[:index].strip() in ('', 'void') else count
        elif character in ')>]}':
            depth -= 1
        elif character == ',' and depth == 0:
            count += 1
    return count


def main():
    ctags = find_ctags()
    if ctags is None:
        print('skipped: no Universal Ctags here (Debian: universal-ctags)')
        return 77
    tags = read_tags(ctags)
    functions = [tag for tag in tags if tag['kind'] == 'function']
    classes = class_lines(tags)
    breaches = []
    for tag in functions:
        place = f"{tag['path']}:{tag['line']}: {tag['name']}"
        parameters = count_parameters(tag.get('signature', '()'))
        if lines_of(tag) > MAX_LINES:
            breaches.append(f'{place} has {lines_of(tag)} lines, more than {MAX_LINES}')
        if parameters > MAX_PARAMETERS:
            breaches.append(f'{place} takes {parameters} parameters, more than {MAX_PARAMETERS}')
    for (_, name), (lines, place) in classes.items():
        if lines > MAX_CLASS_LINES:
            breaches.append(f'{place}: {name} has {lines} lines, more than {MAX_CLASS_LINES}')
    if len(functions) < LEAST_FUNCTIONS or len(classes) < LEAST_CLASSES:
        breaches.append(f'only {len(functions)} functions and {len(classes)} classes found: '
                        'ctags does not read these sources')
    print(*breaches, sep='\n', end='\n' if breaches else '')
    print(f'{len(functions)} functions, {len(classes)} classes, {len(breaches)} breaches')
    return 1 if breaches else 0


if __name__ == '__main__':
    sys.exit(main())
