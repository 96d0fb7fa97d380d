"""Compares the ids of `embedtool tokenize` with those of sentencepiece's own Python module:
compare_sentencepiece.py MODEL TEXTS OURS (JSONL with a field `text`; what embedtool made of it)."""
import itertools
import json
import sys

import sentencepiece


def main(model, texts, ours):
    processor = sentencepiece.SentencePieceProcessor(model_file=model)
    count = different = tokens = 0
    with open(texts, encoding='utf-8') as wanted, open(ours, encoding='utf-8') as have:
        for text, answer in itertools.zip_longest(wanted, have):
            count += 1
            if text is None or answer is None:
                different += 1
                continue
            ids = processor.encode(json.loads(text)['text'])
            tokens += len(ids)
            different += ids != json.loads(answer)['input_ids']
    verdict = 'DIFFERENT' if different else 'equal'
    print(f'{verdict} sentencepiece {model} {texts}: {count} texts, {tokens} tokens, '
          f'{different} different')
    return 1 if different or not count else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
