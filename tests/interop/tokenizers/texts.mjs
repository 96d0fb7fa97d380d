// Texts and tokenizers made to tell implementations apart, the same in every run.
import fs from 'node:fs';
import path from 'node:path';

/** A small seeded generator (mulberry32): numbers from 0 to n-1. */
export function makeRandom(seed) {
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

// Blocks that normalization, cutting or matching treats in a way of its own.
const BLOCKS = [
  [0x00, 0x7f], [0x80, 0xff], [0x100, 0x24f], [0x300, 0x36f], [0x370, 0x5ff], [0x600, 0x8ff],
  [0x900, 0xdff], [0xe00, 0xfff], [0x1100, 0x11ff], [0x1e00, 0x1fff], [0x2000, 0x206f],
  [0x20a0, 0x2bff], [0x3000, 0x30ff], [0x3400, 0x3420], [0x4e00, 0x4f00], [0xa640, 0xa9ff],
  [0xac00, 0xad00], [0xf900, 0xfaff], [0xfe00, 0xffef], [0x10000, 0x100ff], [0x11000, 0x11fff],
  [0x1d100, 0x1d1ff], [0x1e000, 0x1e9ff], [0x1f300, 0x1faff], [0x20000, 0x20010],
  [0x2b7f0, 0x2b930], [0x2f800, 0x2fa1f], [0xe0000, 0xe01ff], [0x0, 0x10ffff],
];
const WORDS = ['the', 'Unaffable', 'İstanbul', 'ΣΑΣ', 'naïve', 'ﬁne', '日本', 'x'.repeat(101),
  'a'.repeat(100), '[MASK]', '[SEP]', '<mask>', '</s>', '[CLS', '##ing', "don't", '...', '\u0301',
  'Å', '\u0f73', 'q\u0307\u0323', 'Ωmega', '[unused1]', 'tok', 'tokk', 'TOK', 'New York', '...'];

// Characters whose class two libraries may see differently, their tables being of different years:
// kept out where a regular expression's idea of a word matters.
const RECENT = /[\p{Cn}\uA7CB-\uA7DC\u{10D00}-\u{1CFFF}\u{1E000}-\u{1EFFF}]/u;

function randomText(random, old = false) {
  let text = '';
  for (let n = random(24); n > 0; --n) {
    if (random(4) === 0) {
      text += WORDS[random(WORDS.length)];
    } else {
      const [first, last] = BLOCKS[random(BLOCKS.length)];
      for (let k = 1 + random(6); k > 0; --k) {
        const c = first + random(last - first + 1);
        const character = c < 0xd800 || c > 0xdfff ? String.fromCodePoint(c) : '';
        if (!old || !RECENT.test(character)) text += character;
      }
    }
    if (random(3) === 0) text += [' ', '  ', '\n', '\t', '\u00a0', '\u3000'][random(6)];
  }
  return text;
}

function writeLines(file, texts) {
  const lines = texts.map((text, i) => JSON.stringify({id: String(i), text}));
  fs.writeFileSync(file, lines.join('\n') + '\n');
}

/** Every code point between two letters, sixty-four to a text. */
function everyCodePoint() {
  const texts = [];
  let text = '';
  for (let c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    text += `a${String.fromCodePoint(c)}b `;
    if (c % 64 === 63) {
      texts.push(text);
      text = '';
    }
  }
  return texts;
}

/** A tokenizer whose four words show what became of the character between two letters. */
function letterTokenizer(normalizer) {
  return {
    version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer,
    pre_tokenizer: {type: 'BertPreTokenizer'}, post_processor: null, decoder: null,
    model: {type: 'WordPiece', unk_token: 'U', continuing_subword_prefix: '##',
      max_input_chars_per_word: 100, vocab: {U: 0, a: 1, b: 2, '##b': 3, '##a': 4}},
  };
}

/** Variants of a real tokenizer.json: every switch, and added tokens of every kind. */
function variants(base) {
  const made = [];
  for (let bits = 0; bits < 8; ++bits) {
    for (const stripAccents of [null, true, false]) {
      const normalizer = {type: 'BertNormalizer', clean_text: (bits & 1) > 0,
        handle_chinese_chars: (bits & 2) > 0, strip_accents: stripAccents,
        lowercase: (bits & 4) > 0};
      made.push({...base, normalizer});
    }
  }
  const kinds = [];
  for (const content of ['tok', 'TOK', 'tokk', 'New York', 'é', '日', '...', 'ing']) {
    for (let bits = 0; bits < 16; ++bits) {
      kinds.push({content, single_word: (bits & 1) > 0, lstrip: (bits & 2) > 0,
        rstrip: (bits & 4) > 0, normalized: (bits & 8) > 0, special: false});
    }
  }
  for (let bits = 0; bits < 16; ++bits) {
    // One token of each content, its switches rotated.
    const added = kinds.filter((token, i) => i % 16 === (bits + (i >> 4) * 5) % 16)
      .map((token, i) => ({id: base.model.vocab[token.content] ?? 30522 + i, ...token}));
    made.push({...base, added_tokens: [...base.added_tokens, ...added]});
  }
  made.push({...base, normalizer: null}, {...base, pre_tokenizer: null});
  return made;
}

/** Writes the made texts and tokenizers below `folder`. */
export function makeTexts(folder, realTokenizer, count) {
  const random = makeRandom(20240607);
  writeLines(path.join(folder, 'random.jsonl'), Array.from({length: count}, () => randomText(random)));
  writeLines(path.join(folder, 'random-few.jsonl'), Array.from({length: 3000}, () => randomText(random, true)));
  writeLines(path.join(folder, 'every-code-point.jsonl'), everyCodePoint());
  const write = (name, tokenizer) =>
    fs.writeFileSync(path.join(folder, name), JSON.stringify(tokenizer));
  for (const [clean, chinese, strip, lower] of [[1, 1, 1, 1], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]]) {
    write(`letters-${clean}${chinese}${strip}${lower}.json`, letterTokenizer({
      type: 'BertNormalizer', clean_text: !!clean, handle_chinese_chars: !!chinese,
      strip_accents: !!strip, lowercase: !!lower}));
  }
  const base = JSON.parse(fs.readFileSync(realTokenizer));
  variants(base).forEach((tokenizer, i) =>
    write(`variant-${String(i).padStart(2, '0')}.json`, tokenizer));
}
