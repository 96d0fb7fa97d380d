#!/usr/bin/env python3
"""Checks the house limits on C++ functions: at most 60 lines from the signature to the closing
brace, and fewer than 9 parameters. What ctags finds counts; a lambda counts as part of the function
it is in. Exit 1 on a breach, 77 where there is no Universal Ctags."""
import json
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ('core', 'formats', 'cli', 'bench', 'tests')
MAX_LINES = 60
MAX_PARAMETERS = 8
# Fewer would mean that ctags no longer understands the sources.
LEAST_FUNCTIONS = 1000


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


def functions(ctags):
    """Yields (file, line, name, lines, parameters) of every function that is defined."""
    command = [ctags, '--output-format=json', '--languages=C++', '--map-C++=+.hpp',
               '--kinds-C++=f', '--fields=+neS', '-R', '-f', '-', *FOLDERS]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        tag = json.loads(line)
        if tag.get('_type') == 'tag' and 'end' in tag:
            yield (tag['path'], tag['line'], tag['name'], tag['end'] - tag['line'] + 1,
                   count_parameters(tag.get('signature', '()')))


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
    found = list(functions(ctags))
    breaches = []
    for path, line, name, lines, parameters in found:
        if lines > MAX_LINES:
            breaches.append(f'{path}:{line}: {name} has {lines} lines, more than {MAX_LINES}')
        if parameters > MAX_PARAMETERS:
            breaches.append(f'{path}:{line}: {name} takes {parameters} parameters, '
                            f'more than {MAX_PARAMETERS}')
    if len(found) < LEAST_FUNCTIONS:
        breaches.append(f'only {len(found)} functions found: ctags does not read these sources')
    print(*breaches, sep='\n', end='\n' if breaches else '')
    print(f'{len(found)} functions, {len(breaches)} breaches')
    return 1 if breaches else 0


if __name__ == '__main__':
    sys.exit(main())
