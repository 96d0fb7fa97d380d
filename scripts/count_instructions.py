#!/usr/bin/env python3
"""What the innermost loops of arm64's panels cost: products, instructions, accesses to the stack.

Usage: scripts/count_instructions.py OBJECT…

OBJECT is an object file of panel.cpp, panel_neon.cpp or attention*.cpp; needs aarch64-linux-gnu-objdump.
Prints, for every function and every instruction that multiplies and adds, the widest loop by it, if it
is that of a whole tile. Exit status 1 when such a loop keeps sums on the stack, as it does when a
compiler moves too many loads to the front: a sum must never leave its register.
"""

import re
import subprocess
import sys

PRODUCTS = {"fmla": 4, "sdot": 16, "usdot": 16, "usmmla": 32, "bfmmla": 16}  # multiply-adds of one
LONGEST_LOOP = 120  # instructions; what jumps back further is no inner loop
FEWEST = 24  # products in the loop of a whole tile


def functions(path):
    """The instructions of every function: (address, mnemonic, operands) each."""
    text = subprocess.run(["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", path],
                          capture_output=True, text=True, check=True).stdout
    for function in re.split(r"\n(?=[0-9a-f]+ <.*>:\n)", text):
        lines = (re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*(.*)", line) for line in function.splitlines())
        yield [(int(line[1], 16), line[2], line[3]) for line in lines if line]


def loops(code):
    """The instructions from the target of a short jump back to the jump."""
    place = {address: i for i, (address, _, _) in enumerate(code)}
    for i, (_, name, operands) in enumerate(code):
        target = re.search(r"([0-9a-f]+) <", operands)
        if not (name.startswith("b.") or name in ("cbz", "cbnz")) or not target:
            continue
        start = place.get(int(target[1], 16), i)
        if start < i < start + LONGEST_LOOP:
            yield code[start:i + 1]


def report(code):
    """Prints a function's widest loop by each instruction; false when one keeps sums on the stack."""
    clean = True
    found = [([name for _, name, _ in loop], loop) for loop in loops(code)]
    for product, of_one in PRODUCTS.items():
        widest = max(found, key=lambda each: (each[0].count(product), -len(each[1])), default=None)
        if widest is None or widest[0].count(product) < FEWEST:
            continue
        count, total = widest[0].count(product), len(widest[1])
        stack = sum("[sp" in operands for _, _, operands in widest[1])
        clean = clean and stack == 0
        print(f"{product:6} {count} of {total} instructions, {total / count / of_one:.3f} per multiply-add "
              f"(ideal {1 / of_one:.3f}), {stack} accesses to the stack")
    return clean


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    if not all([report(code) for path in sys.argv[1:] for code in functions(path)]):
        sys.exit("sums are kept on the stack")
